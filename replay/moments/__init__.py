"""Whole read models as they stood at a cut, kept for a while for those who ask."""
