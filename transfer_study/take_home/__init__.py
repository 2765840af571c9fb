"""From a study to a model to use: which one, its folder, and its card."""
