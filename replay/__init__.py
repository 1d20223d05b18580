"""The log read again: point-in-time rebuilds, decision replay and verification."""
