"""Accounts: money, reservations and positions of one client at one venue."""
