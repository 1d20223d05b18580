"""Risk limits and trading state, per scope."""
