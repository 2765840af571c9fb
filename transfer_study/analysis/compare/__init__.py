"""Two studies, edge by edge."""
