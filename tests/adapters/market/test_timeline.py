from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.market.timeline import Timeline, restamped
from tests.adapters.market.samples import AT, quote
from tests.adapters.market.test_binance_frames import CANDLE, DEPTH

LATER = AT + timedelta(days=1_000)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 made aware next
    lambda naive: naive.replace(tzinfo=AT.tzinfo)
)


def test_at_speed_one_every_distance_and_the_latency_stay() -> None:
    timeline = Timeline(AT, LATER)
    assert timeline.played(AT - timedelta(milliseconds=45)) == LATER - timedelta(milliseconds=45)
    assert timeline.seconds_to(AT + timedelta(seconds=3)) == 3


def test_twice_as_fast() -> None:
    timeline = Timeline(AT, LATER, 2.0)
    assert timeline.played(AT + timedelta(seconds=4)) == LATER + timedelta(seconds=2)


def test_events_move_with_it_and_keep_all_else() -> None:
    assert restamped(quote(), Timeline(AT, LATER)) == msgspec.structs.replace(quote(), at=LATER)
    assert restamped(DEPTH, Timeline(AT, LATER)) == msgspec.structs.replace(DEPTH, at=LATER)


def test_a_recorded_candle_has_no_present() -> None:
    assert restamped(CANDLE, Timeline(AT, LATER)) is None


@given(INSTANTS, INSTANTS, INSTANTS)
def test_recorded_is_the_inverse_of_played(
    recorded_from: datetime, played_from: datetime, at: datetime
) -> None:
    timeline = Timeline(recorded_from, played_from)
    assert timeline.recorded(timeline.played(at)) == at


@given(INSTANTS, INSTANTS, st.floats(0.1, 100))
def test_order_stays(first: datetime, second: datetime, speed: float) -> None:
    timeline = Timeline(AT, LATER, speed)
    earlier, later = sorted((first, second))
    assert timeline.played(earlier) <= timeline.played(later)
