"""Deterministic simulation: a scenario run on virtual time, a seeded scheduler and a faulty log.

The same seed takes the same steps and leaves the same event log, byte for byte.
"""
