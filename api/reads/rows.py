"""Rows of the read models as JSON answers."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

Row = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def item(row: Row) -> Response:
    """One object."""
    return Response(_encode(row), media_type="application/json")


def items(rows: Sequence[Row], next_cursor: str | None = None, **more: Any) -> Response:
    """A list of objects; ``next_cursor`` null where nothing follows."""
    document = {"items": rows, "next_cursor": next_cursor, **more}
    return Response(_encode(document), media_type="application/json")
