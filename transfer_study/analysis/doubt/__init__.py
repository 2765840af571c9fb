"""How far the numbers of a study can be trusted, and what it could show."""
