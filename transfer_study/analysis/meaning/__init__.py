"""What an edge means: in which parts of its test set it shows, and what it is worth."""
