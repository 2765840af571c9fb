"""What other programs write of their runs, read as answers or as rows of a table of scores."""

# The columns of what is read without answers.
SCORE_ROWS = ("encoder", "source", "target", "metric", "seed", "value", "arm", "reading")
