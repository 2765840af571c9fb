"""What other programs write of their runs, read as answers or as a table of scores."""
