import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.market.frame_source import RawFrame
from adapters.market.player import RecordingPlayer
from adapters.market.recording import DamagedRecording, EmptyRecording, Recording
from tests.adapters.market.test_recording import URL, write
from tests.adapters.market.virtual_clock import START, VirtualClock
from tests.doubles.manual_clock import ManualClock

RECORDED = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def recording(directory: Path, *seconds: float) -> Recording:
    """A recording whose frames came so many seconds after RECORDED, and say so."""
    lines = [f"{1_700_000_000 + at}: {at}\n".encode() for at in seconds]
    return write(directory, URL + b"".join(lines))


async def play(player: RecordingPlayer, clock: VirtualClock) -> list[tuple[float, RawFrame]]:
    return [(clock.monotonic(), frame) async for frame in player.frames()]


async def exhaust(frames: AsyncGenerator[RawFrame]) -> None:
    async for _frame in frames:
        pass


@pytest.mark.parametrize(
    ("speed", "times"), [(1, [0, 2, 2, 9]), (2, [0, 1, 1, 4.5]), (0.5, [0, 4, 4, 18])]
)
async def test_frames_come_at_their_own_pace_or_a_multiple(
    tmp_path: Path, speed: float, times: list[float]
) -> None:
    clock = VirtualClock()
    played = await play(
        RecordingPlayer(recording(tmp_path, 1, 3, 3, 10), clock, speed=speed), clock
    )
    assert [at for at, _ in played] == times
    assert [frame.payload for _, frame in played] == [b"1", b"3", b"3", b"10"]
    assert [frame.received_at for _, frame in played] == [
        RECORDED + timedelta(seconds=at) for at in (1, 3, 3, 10)
    ]


async def test_only_what_is_due_is_played(tmp_path: Path) -> None:
    clock = ManualClock()
    played: list[bytes] = []

    async def play_all() -> None:
        async for frame in RecordingPlayer(recording(tmp_path, 1, 3, 3, 10), clock).frames():
            played.append(frame.payload)

    task = asyncio.create_task(play_all())
    for seconds, so_far in [(1.9, [b"1"]), (0.1, [b"1", b"3", b"3"]), (6.9, [b"1", b"3", b"3"])]:
        await clock.until_asleep()
        await clock.advance(seconds)
        assert played == so_far
    await clock.advance(0.1)
    await task
    assert played[-1] == b"10"


async def test_a_slow_reader_is_caught_up_with_not_waited_for_again(tmp_path: Path) -> None:
    clock = VirtualClock()
    player = RecordingPlayer(recording(tmp_path, 0, 1, 2, 10), clock)
    times = []
    async for _frame in player.frames():
        times.append(clock.monotonic())
        clock.advance(3)
    assert times == [0, 3, 6, 10]


async def test_speed_zero_takes_no_time_but_lets_others_run(tmp_path: Path) -> None:
    clock = VirtualClock()
    player = RecordingPlayer(recording(tmp_path, *range(1_000)), clock, speed=0)
    played = await play(player, clock)
    assert len(played) == 1_000
    assert clock.monotonic() == 0
    assert len(clock.slept) >= 5


async def test_a_long_gap_or_a_jump_back_is_not_waited_for(tmp_path: Path) -> None:
    clock = VirtualClock()
    player = RecordingPlayer(recording(tmp_path, 0, 1, 5_000_000, 5_000_002, 3, 4), clock)
    assert [at for at, _ in await play(player, clock)] == [0, 1, 1, 3, 3, 4]


async def test_a_loop_begins_again_at_once(tmp_path: Path) -> None:
    clock = VirtualClock()
    frames = RecordingPlayer(recording(tmp_path, 5, 7), clock, loop=True).frames()
    times = []
    for _ in range(5):
        await anext(frames)
        times.append(clock.monotonic())
    await frames.aclose()
    assert times == [0, 2, 2, 4, 4]


async def test_a_loop_over_nothing_is_an_error_not_a_busy_loop(tmp_path: Path) -> None:
    with pytest.raises(EmptyRecording):
        await play(RecordingPlayer(recording(tmp_path), VirtualClock(), loop=True), VirtualClock())


async def test_restamped_frames_carry_the_line_from_recorded_to_present_time(
    tmp_path: Path,
) -> None:
    clock = VirtualClock()
    player = RecordingPlayer(recording(tmp_path, 10, 14), clock, speed=2, restamp=True)
    (_, first), (at, second) = await play(player, clock)
    assert first.timeline is not None
    assert second.timeline is not None
    assert first.timeline.played(first.received_at) == START
    assert second.timeline.played(second.received_at) == START + timedelta(seconds=at)
    recorded = RECORDED + timedelta(seconds=12)
    assert second.timeline.recorded(second.timeline.played(recorded)) == recorded


async def test_every_round_of_a_loop_is_restamped_to_its_own_present(tmp_path: Path) -> None:
    clock = VirtualClock()
    frames = RecordingPlayer(recording(tmp_path, 0, 60), clock, loop=True, restamp=True).frames()
    for _ in range(6):
        frame = await anext(frames)
        assert frame.timeline is not None
        assert frame.timeline.played(frame.received_at) == clock.now()
    await frames.aclose()


async def test_a_damaged_recording_is_an_error_after_its_good_part(tmp_path: Path) -> None:
    recorded = recording(tmp_path, *range(3_000))
    recorded.path.write_bytes(recorded.path.read_bytes()[:-2_000])
    frames = RecordingPlayer(recorded, VirtualClock(), speed=0).frames()
    for number in range(1_000):
        assert (await anext(frames)).payload == str(number).encode()
    with pytest.raises(DamagedRecording):
        await exhaust(frames)


async def test_a_loop_goes_on_after_damage(tmp_path: Path) -> None:
    recorded = recording(tmp_path, *range(3_000))
    recorded.path.write_bytes(recorded.path.read_bytes()[:-2_000])
    frames = RecordingPlayer(recorded, VirtualClock(), speed=0, loop=True).frames()
    payloads = [(await anext(frames)).payload for _ in range(6_000)]
    await frames.aclose()
    assert payloads.count(b"0") >= 2


async def test_cancelling_the_reader_closes_the_file(tmp_path: Path) -> None:
    frames = RecordingPlayer(recording(tmp_path, 0, 1), VirtualClock()).frames()
    await anext(frames)
    await frames.aclose()
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(frames), 1)


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
def test_a_speed_that_cannot_be(tmp_path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        RecordingPlayer(recording(tmp_path, 1), VirtualClock(), speed=speed)
