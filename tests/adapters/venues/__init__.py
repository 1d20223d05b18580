"""Tests of the venues."""
