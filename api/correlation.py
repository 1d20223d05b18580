"""The correlation id: the caller's own where it is well formed, else a new one."""

import re
from uuid import UUID

from starlette.types import Scope

HEADER = b"x-correlation-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = "patriot.correlation_id"


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a request header, by its lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def given_correlation_id(scope: Scope) -> str | None:
    given = header_of(scope, HEADER)
    if given is None or not _WELL_FORMED.fullmatch(given):
        return None
    return given.decode("ascii")


def assign(scope: Scope, new: UUID | str) -> None:
    scope[_KEY] = str(new)


def correlation_id_of(scope: Scope) -> str:
    """The id assigned to this request."""
    return str(scope.get(_KEY, ""))


def traceparent_of(scope: Scope) -> str | None:
    """The W3C trace context that came with the request, if it is well formed."""
    given = header_of(scope, b"traceparent")
    if given is None or not _TRACEPARENT.fullmatch(given):
        return None
    return given.decode("ascii")
