"""What users ask for: each loads aggregates, decides and appends."""
