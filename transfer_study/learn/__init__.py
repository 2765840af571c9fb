"""HOW a stage learns: model, optimiser, training loop, prediction; torch, but no Ray."""
