"""Subjects' keys in Postgres, each wrapped under a master key that is in a file."""
