"""From losses to steps: gradients combined and clipped, optimisers, schedules, loss weights."""
