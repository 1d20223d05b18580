"""The log read again: the past rebuilt, as-of queries, verification, decision replay, recovery."""
