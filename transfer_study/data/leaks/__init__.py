"""What test data and training data have in common."""
