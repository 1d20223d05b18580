"""Verification: the read models recomputed and compared, and the log checked; one check a file."""
