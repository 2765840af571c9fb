"""What the runs on a store say of themselves while they live: what they have taken and run."""
