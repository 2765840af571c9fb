"""What does not fit together in a study, found in what is written, sound or not."""
