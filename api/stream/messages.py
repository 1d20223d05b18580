"""What clients of the stream may say, and what it says of its own accord."""

from collections.abc import Mapping, Sequence

import msgspec


class _Request(
    msgspec.Struct, frozen=True, tag_field="op", tag=str.lower, forbid_unknown_fields=True
):
    """``{"op": "subscribe", "channels": ["orders"]}``"""


class Authenticate(_Request, frozen=True):
    """The first message of a client that could not send an Authorization header."""

    token: str


class Subscribe(_Request, frozen=True):
    channels: Sequence[str]


class Unsubscribe(_Request, frozen=True):
    channels: Sequence[str]


class Ping(_Request, frozen=True):
    pass


Request = Authenticate | Subscribe | Unsubscribe | Ping


class Welcome(msgspec.Struct, frozen=True, tag_field="event", tag="welcome"):
    """``heartbeat_seconds``: silence for longer than this means a dead connection."""

    heartbeat_seconds: float


class Subscribed(msgspec.Struct, frozen=True, tag_field="event", tag="subscribed"):
    """``positions``: what each read model has seen. Read by REST with ``at_least`` that position,
    then apply the changes whose rows have a higher one."""

    channels: Sequence[str]
    positions: Mapping[str, int]


class Unsubscribed(msgspec.Struct, frozen=True, tag_field="event", tag="unsubscribed"):
    channels: Sequence[str]


class Pong(msgspec.Struct, frozen=True, tag_field="event", tag="pong"):
    pass


class Heartbeat(msgspec.Struct, frozen=True, tag_field="event", tag="heartbeat"):
    positions: Mapping[str, int]


class Failed(msgspec.Struct, frozen=True, tag_field="event", tag="error"):
    """A request that was not understood or not admitted; the connection stays."""

    code: str
    detail: str


Message = Welcome | Subscribed | Unsubscribed | Pong | Heartbeat | Failed

_encode = msgspec.json.Encoder().encode


def encode(message: Message) -> str:
    return _encode(message).decode()


decode_request: "msgspec.json.Decoder[Request]" = msgspec.json.Decoder(Request)
