"""A study beside the original study's tables, claims and choices."""
