"""Venues: each an implementation of ``domain.venue.Venue``."""
