"""Instants as people write them: RFC 3339, always with a time zone."""

import re
from datetime import UTC, datetime

from domain.errors import InvalidInput

SHOWN = 60
"""How much is repeated of what cannot be read."""

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?(?P<zone>[Zz]|[+-]\d\d:\d\d)?", re.ASCII
)


def parse_instant(text: str) -> datetime:
    """The instant in UTC; digits beyond microseconds are cut off, which no recorded time has.

    Raises InvalidInput: ``invalid_instant``, ``no_time_zone``.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise _invalid(text)
    if match["zone"] is None:
        shown = _shown(text)
        raise InvalidInput(
            "no_time_zone", f"{shown} has no time zone: write {shown}Z for UTC", "as_of"
        )
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid(text) from error


def _invalid(text: str) -> InvalidInput:
    shown = _shown(text)
    return InvalidInput(
        "invalid_instant",
        f"{shown!r} is neither a position of the log nor an instant like 2026-01-31T09:30:00Z",
        "as_of",
    )


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
