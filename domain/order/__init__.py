"""Orders: what was asked for, and the venue's truth about it."""
