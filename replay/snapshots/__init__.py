"""Kept read models: what they held at a position, in files that are checked before use."""
