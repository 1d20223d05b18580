"""The checks of the log, one a file."""
