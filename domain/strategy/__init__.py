"""Strategies: definition, assignment and activation."""
