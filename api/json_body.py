"""Request bodies: bounded in size, and JSON without the liberties that JSON parsers take."""

import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from api.correlation import header_of
from api.errors import Problem

JsonObject = dict[str, Any]


class StrictRequest(Request):
    """Reads its body only up to a limit, and its JSON strictly."""

    def __init__(self, scope: Scope, receive: Receive, max_body_bytes: int) -> None:
        super().__init__(scope, receive)
        self._max_body_bytes = max_body_bytes

    async def body(self) -> bytes:
        """Raises Problem ``unsupported_media_type``, ``body_too_large``."""
        if not hasattr(self, "_read"):
            self._refuse_declared_size()
            self._refuse_media_type()
            self._read = await self._bounded()
        return self._read

    async def json(self) -> Any:
        """Raises Problem ``malformed_json``, ``duplicate_key``."""
        return parse(await self.body())

    async def _bounded(self) -> bytes:
        received = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            received += message.get("body", b"")
            if len(received) > self._max_body_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(received)

    def _refuse_declared_size(self) -> None:
        declared = header_of(self.scope, b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > self._max_body_bytes:
            raise self._too_large()

    def _refuse_media_type(self) -> None:
        content_type = header_of(self.scope, b"content-type") or b""
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise Problem("unsupported_media_type", "send application/json")

    def _too_large(self) -> Problem:
        # What is left of the body stays unread, so the connection cannot be used again.
        return Problem(
            "body_too_large",
            f"at most {self._max_body_bytes} bytes",
            headers={"Connection": "close"},
        )


def parse(body: bytes) -> Any:
    """The document. Raises Problem ``malformed_json``, ``duplicate_key``."""
    try:
        return _decoder.decode(body.decode("utf-8"))
    except RecursionError as error:
        raise Problem("malformed_json", "nested too deeply") from error
    except ValueError as error:  # includes json.JSONDecodeError and UnicodeDecodeError
        raise Problem("malformed_json", "the body is not valid JSON in UTF-8") from error


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Problem("duplicate_key", "an object names a key twice")
    return document


def _no_constant(name: str) -> NoReturn:
    raise Problem("malformed_json", f"{name} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
