"""One WebSocket client: what it asks for, and what it is sent."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth.caller import Caller
from api.auth.policy import OVERSEE
from api.stream import messages
from api.stream.hub import CHANNELS, Hub
from api.stream.subscriber import Subscriber
from domain.clock import Clock

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
UNSUPPORTED_DATA = 1003
TOO_BIG = 1009
MAX_MESSAGE_LENGTH = 4_096
MAX_CHANNELS = 50

_CHANNEL = re.compile(r"orders|executions|balances|problems|candles(?::[A-Z0-9_]{1,30})?", re.ASCII)


class Closing(Exception):
    """Ends a connection with a WebSocket close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class TooSlow(Closing):
    """The client is dropped, so that it costs nobody else anything."""

    def __init__(self) -> None:
        super().__init__(TRY_AGAIN_LATER, "reading too slowly")


class Connection:
    """Reads requests, sends what waits, and beats; the first of these to end ends it."""

    def __init__(
        self,
        websocket: WebSocket,
        caller: Caller,
        *,
        hub: Hub,
        clock: Clock,
        positions: Callable[[], Mapping[str, int]],
        heartbeat_seconds: float,
    ) -> None:
        self._websocket = websocket
        self._caller = caller
        self._hub = hub
        self._clock = clock
        self._positions = positions
        self._heartbeat_seconds = heartbeat_seconds
        self._subscriber = Subscriber(caller.accounts)
        self._channels: set[str] = set()

    async def serve(self) -> None:
        """Until the client leaves. Raises Closing where we end it."""
        self._hub.join(self._subscriber)
        self._say(messages.Welcome(self._heartbeat_seconds))
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._receive, self._send, self._beat, self._expire, self._drop):
                    tasks.create_task(part())
        except* WebSocketDisconnect:
            pass  # the client left: the way a connection ends
        except* Closing as group:
            raise _first(group) from None
        finally:
            self._hub.leave(self._subscriber)

    async def _receive(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            self._answer(text_of(message))

    async def _send(self) -> None:
        while True:
            for message in await self._subscriber.take():
                await self._websocket.send_text(message)

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(self._heartbeat_seconds)
            self._say(messages.Heartbeat(self._positions()))

    async def _expire(self) -> None:
        left = (self._caller.expires_at - self._clock.now()).total_seconds()
        await self._clock.sleep(max(left, 0))
        raise Closing(POLICY_VIOLATION, "the token has expired")

    async def _drop(self) -> None:
        """Sending may be stuck behind the slow reader, so it cannot be what notices."""
        await self._subscriber.too_slow.wait()
        raise TooSlow

    def _answer(self, text: str) -> None:
        try:
            request = messages.decode_request.decode(text)
        except msgspec.DecodeError:
            self._say(messages.Failed("malformed_json", "not a request of this stream"))
            return
        match request:
            case messages.Subscribe(channels):
                self._subscribe(channels)
            case messages.Unsubscribe(channels):
                self._unsubscribe(channels)
            case messages.Ping():
                self._say(messages.Pong())
            case messages.Authenticate():
                self._say(messages.Failed("bad_request", "authenticated already"))

    def _subscribe(self, channels: Sequence[str]) -> None:
        unknown = [channel for channel in channels if not _CHANNEL.fullmatch(channel)]
        if unknown:
            self._say(messages.Failed("invalid_enum", f"channels are {', '.join(CHANNELS)}"))
            return
        if "problems" in channels and not OVERSEE.admits(self._caller):
            self._say(messages.Failed("forbidden", f"problems are not for {self._caller.role}s"))
            return
        if len(self._channels | set(channels)) > MAX_CHANNELS:
            self._say(messages.Failed("out_of_range", f"at most {MAX_CHANNELS} channels"))
            return
        for channel in channels:
            self._channels.add(channel)
            self._hub.subscribe(self._subscriber, channel)
        self._say(messages.Subscribed(sorted(self._channels), self._positions()))

    def _unsubscribe(self, channels: Sequence[str]) -> None:
        for channel in self._channels & set(channels):
            self._channels.discard(channel)
            self._hub.unsubscribe(self._subscriber, channel)
        self._say(messages.Unsubscribed(sorted(self._channels)))

    def _say(self, message: messages.Message) -> None:
        self._subscriber.offer(messages.encode(message))


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a frame. Raises Closing for a binary or an oversized one."""
    text = message.get("text")
    if not isinstance(text, str):
        raise Closing(UNSUPPORTED_DATA, "send text")
    if len(text) > MAX_MESSAGE_LENGTH:
        raise Closing(TOO_BIG, f"at most {MAX_MESSAGE_LENGTH} characters")
    return text


def _first(group: ExceptionGroup[Closing]) -> Closing:
    first = group.exceptions[0]
    return first if isinstance(first, Closing) else _first(first)
