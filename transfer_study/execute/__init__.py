"""WHERE stages run: here and now, or through Ray."""
