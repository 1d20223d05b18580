"""Clients as persons: what is known of them, sealed, and how it is forgotten."""
