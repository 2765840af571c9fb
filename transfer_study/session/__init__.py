"""The steps of a study from its file to its figures; the command line and Python take the same."""
