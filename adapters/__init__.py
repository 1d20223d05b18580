"""The outside world: venues, market data and messengers, each behind a port of the domain."""
