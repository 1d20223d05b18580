"""Execution: what the log intends goes to the venue, what the venue says goes into the log."""
