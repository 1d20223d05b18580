"""Aggregates as they stood."""
