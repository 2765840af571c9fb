"""What to train together: from the effects to advice."""
