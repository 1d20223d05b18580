"""Changed rows of the read models, as the projection workers publish them."""

from collections.abc import Sequence

import msgspec


class Change(msgspec.Struct, frozen=True):
    """Rows of one kind as they are now. ``position`` is the log's, None for what is not in it."""

    kind: str
    position: int | None
    rows: Sequence[msgspec.Raw]


class Gap(msgspec.Struct, frozen=True):
    """Changes may have been missed: the feed was lost, and is back."""


class RowKey(msgspec.Struct, frozen=True):
    """What decides who gets a row."""

    account_id: str | None = None
    symbol: str | None = None


decode_change = msgspec.json.Decoder(Change).decode
decode_key = msgspec.json.Decoder(RowKey).decode
