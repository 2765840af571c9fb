"""What a report says in words, alike in every form of it."""
