"""Private helpers that the rooms share; nothing here is public."""
