"""Plays a recording as if it happened now."""

from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import datetime, timedelta

import structlog

from adapters.market.frame_source import RawFrame
from adapters.market.recording import DamagedRecording, EmptyRecording, RecordedFrame, Recording
from adapters.market.timeline import Timeline
from domain.clock import Clock

MAX_GAP = timedelta(minutes=5)
"""A longer gap, or a step back as long, is not waited for: the schedule starts anew after it."""

_BREATH = 100
"""Without a wait, other tasks run at least once in so many frames."""

_log = structlog.stdlib.get_logger(__name__)


class RecordingPlayer:
    """A FrameSource that keeps a recording's own pace, or a multiple of it.

    ``speed`` 2 is twice as fast as recorded, 0 as fast as the reader takes it. ``loop`` starts
    again at the end, for ever. ``restamp`` moves the times inside the frames to the present, as a
    live market's are; ``RawFrame.received_at`` stays the recorded instant, and
    ``RawFrame.timeline.recorded(at)`` gives back any other.
    """

    def __init__(
        self,
        recording: Recording,
        clock: Clock,
        *,
        speed: float = 1.0,
        loop: bool = False,
        restamp: bool = False,
    ) -> None:
        if not 0 <= speed < float("inf"):
            raise ValueError(f"speed {speed}: must be zero or above")
        self._recording = recording
        self._clock = clock
        self._speed = speed
        self._loop = loop
        self._restamp = restamp

    async def frames(self) -> AsyncGenerator[RawFrame]:
        """Frames as they fall due.

        Raises DamagedRecording after the last good frame (when looping, it is logged and the next
        round begins), EmptyRecording if a round has no frame, OSError if there is no file.
        """
        while True:
            played = 0
            async for frame in self._round():
                played += 1
                yield frame
            if played == 0:
                raise EmptyRecording(f"{self._recording.path} has no frame")
            if not self._loop:
                return

    async def _round(self) -> AsyncGenerator[RawFrame]:
        pace = _Pace(self._clock, self._speed)
        try:
            with closing(self._recording.read()) as frames:
                for frame in frames:
                    timeline = await pace.wait_for(frame)
                    yield RawFrame(
                        frame.payload, frame.received_at, timeline if self._restamp else None
                    )
        except DamagedRecording as error:
            if not self._loop:
                raise
            _log.error("recording.damaged", error=str(error))


class _Pace:
    """The schedule of one round."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._frames = 0
        self._last: datetime | None = None
        self._began = clock.monotonic()
        self._timeline = Timeline(clock.now(), clock.now())

    async def wait_for(self, frame: RecordedFrame) -> Timeline:
        """The timeline that holds for a frame, when the frame is due."""
        self._frames += 1
        if self._last is None or self._speed == 0 or self._jumps(self._last, frame.received_at):
            self._begin(frame.received_at)
        self._last = frame.received_at
        due = self._began + self._timeline.seconds_to(frame.received_at)
        if (delay := due - self._clock.monotonic()) > 0:
            await self._clock.sleep(delay)
        elif self._frames % _BREATH == 0:
            await self._clock.sleep(0)
        return self._timeline

    @staticmethod
    def _jumps(last: datetime, now: datetime) -> bool:
        return abs(now - last) > MAX_GAP

    def _begin(self, recorded: datetime) -> None:
        self._began = self._clock.monotonic()
        self._timeline = Timeline(recorded, self._clock.now(), self._speed or 1.0)
