"""A study file: read with every fault told, its schema, and the page of its keys."""
