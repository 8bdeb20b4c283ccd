"""What to do first: the command line."""
