"""Decimals as callers see them: plain notation, never an exponent."""

from decimal import Decimal


def plain(value: object) -> object:
    return format(value, "f") if isinstance(value, Decimal) else value
