"""Reading the read models: rows as JSON, pages, freshness."""
