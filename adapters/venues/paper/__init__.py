"""A simulated exchange: matches orders against the public market data it is fed."""
