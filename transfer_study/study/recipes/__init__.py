"""How stages learn: the recipe, and what a study makes of it for each of its stages."""
