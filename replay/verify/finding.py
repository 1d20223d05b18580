"""What a verification found."""

import msgspec

MAX_LISTED = 10_000
"""Findings of one check that are kept in words; beyond that they are only counted."""


class Finding(msgspec.Struct, frozen=True):
    """Something of the log that cannot be. ``subject`` is what it is about: a stream as a rule.

    ``position`` is that of the event that shows it.
    """

    subject: str
    position: int
    message: str


class Difference(msgspec.Struct, frozen=True):
    """One value of a read model that is not what the log says.

    ``column`` is None where the whole row is missing (``found`` is None) or should not be there
    (``expected`` is None). Within a JSON column it is a path, as ``limits.max_position``.
    """

    table: str
    key: dict[str, str]
    column: str | None
    expected: str | None
    found: str | None
