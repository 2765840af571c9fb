"""What data and encoders hold, as people read it: tasks, leaks, a new study of them."""
