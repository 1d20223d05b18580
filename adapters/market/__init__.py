"""Market data: venue frames decoded, recorded, generated, distributed and aggregated."""
