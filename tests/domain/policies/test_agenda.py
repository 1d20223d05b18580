from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.policies.agenda import COMPACT_ABOVE, Agenda, Cause
from tests.domain.world import NOON

KEYS = st.sampled_from("abcd")
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["enter", "strike", "hasten", "look", "later"]), KEYS)
    | st.tuples(st.just("pass"), st.integers(0, 5)),
    max_size=60,
)


def cause(position: int) -> Cause:
    return Cause(position - 1, f"event {position}", "c")


def in_seconds(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


def test_what_is_due_comes_in_order_and_once() -> None:
    agenda = Agenda()
    for position, key in enumerate("cab", start=1):
        agenda.enter(key, key, NOON + in_seconds(ord(key)), cause(position))
    assert agenda.take_due(NOON + in_seconds(ord("a") - 1), 9) == []
    later = NOON + in_seconds(ord("c"))
    assert [each.key for each in agenda.take_due(later, 2)] == ["a", "b"]
    assert [each.key for each in agenda.take_due(later, 2)] == ["c"]
    assert agenda.take_due(later, 2) == []


def test_an_appointment_counts_until_it_is_concluded() -> None:
    agenda = Agenda()
    agenda.enter("a", "a", NOON, cause(7))
    agenda.enter("b", "b", NOON, cause(9))
    (first, second) = agenda.take_due(NOON, 9)
    assert agenda.mark(20) == 6
    agenda.conclude(first)
    assert agenda.mark(20) == 8
    agenda.conclude(second)
    assert agenda.mark(20) == 20


def test_what_is_made_anew_during_a_look_is_looked_at_again() -> None:
    agenda = Agenda()
    agenda.enter("a", "a", NOON, cause(1))
    (looked_at,) = agenda.take_due(NOON, 9)
    agenda.enter("a", "a", NOON + in_seconds(9), cause(2))
    agenda.conclude(looked_at)
    (again,) = agenda.take_due(NOON, 9)
    assert (again.cause, again.tries) == (cause(2), 0)


def test_a_postponed_appointment_counts_its_tries_and_keeps_its_cause() -> None:
    agenda = Agenda()
    agenda.enter("a", "a", NOON, cause(5))
    (looked_at,) = agenda.take_due(NOON, 9)
    agenda.postpone(looked_at, NOON + in_seconds(3))
    assert agenda.take_due(NOON + in_seconds(2), 9) == []
    (again,) = agenda.take_due(NOON + in_seconds(3), 9)
    assert (again.tries, again.cause.after + 1) == (1, 5)
    agenda.strike("a")
    agenda.postpone(again, NOON)
    assert len(agenda) == 0


def test_struck_appointments_take_no_room() -> None:
    agenda = Agenda()
    for number in range(10_000):
        agenda.enter(str(number), "x", NOON + timedelta(days=365, seconds=number), cause(number))
        agenda.strike(str(number))
    assert len(agenda._due) <= COMPACT_ABOVE + 1


@given(ACTIONS)
def test_the_mark_makes_the_open_appointments_again(actions: list[tuple[str, object]]) -> None:
    """Against a plain dictionary: nothing is forgotten, and nothing comes before its time."""
    agenda, now = Agenda(), NOON
    expected: dict[str, tuple[int, datetime]] = {}
    for position, (action, value) in enumerate(actions, start=1):
        key = str(value)
        if action == "pass":
            assert isinstance(value, int)
            now += in_seconds(value)
        elif action == "enter":
            due = now + in_seconds(3)
            present = expected.get(key)
            kept = min(due, present[1]) if present else due
            agenda.enter(key, key, due, cause(position))
            expected.pop(key, None)
            expected[key] = (position, kept)
        elif action == "strike":
            agenda.strike(key)
            expected.pop(key, None)
        elif action == "hasten" and key in expected:
            agenda.hasten(key, now)
            at, due_at = expected[key]
            expected[key] = (at, min(now, due_at))
        else:
            for looked_at in agenda.take_due(now, 9):
                assert expected[looked_at.key] == (looked_at.cause.after + 1, looked_at.due)
                assert looked_at.due <= now
                if action == "look":
                    agenda.conclude(looked_at)
                    del expected[looked_at.key]
                else:
                    agenda.postpone(looked_at, now + in_seconds(2))
                    expected[looked_at.key] = (looked_at.cause.after + 1, now + in_seconds(2))
        assert len(agenda) == len(expected)
        oldest = min((at for at, _ in expected.values()), default=None)
        assert agenda.mark(position) == (position if oldest is None else oldest - 1)
        assert agenda.next_due() == min((d for _, d in expected.values()), default=None)
