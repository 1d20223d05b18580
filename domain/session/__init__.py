"""Trading sessions with a venue: who led, and what the venue said that cannot be."""
