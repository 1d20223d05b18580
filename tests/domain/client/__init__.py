"""Clients as persons."""
