"""The models that learn: encoders with heads, what of them is frozen, how they are loaded."""
