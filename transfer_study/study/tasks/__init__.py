"""What a task is: its kind, its source, and the shape that every corpus is read into."""
