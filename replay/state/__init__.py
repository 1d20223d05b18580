"""Single aggregates as they stood at a cut."""
