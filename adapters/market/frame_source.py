"""Where raw frames come from: a recording, a generator, a connection."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Protocol

import msgspec

from adapters.market.timeline import Timeline


class RawFrame(msgspec.Struct, frozen=True):
    """A frame as the venue sent it, and when it was received (recorded, or live), UTC.

    ``timeline``, where set, says to which present instants the recorded ones are to be moved.
    """

    payload: bytes
    received_at: datetime
    timeline: Timeline | None = None


class FrameSource(Protocol):
    """Frames in the order they came, until the source ends or the caller closes it."""

    def frames(self) -> AsyncGenerator[RawFrame]: ...
