"""Subjects' keys."""
