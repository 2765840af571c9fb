"""Effects as a directed graph, and the order and places of its tasks."""
