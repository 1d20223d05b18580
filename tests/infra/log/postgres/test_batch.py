"""Batches answer every append as if the appends had come one after the other."""

from collections import deque
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from infra.log.postgres.batch import MAX_BYTES, MAX_EVENTS, Batch, PendingAppend
from tests.contract.events import new_events

STREAMS = ["order-1", "order-2", "account-1"]


@dataclass
class Store:
    """What ``log.append`` does with a batch, on a dictionary."""

    versions: dict[str, int]
    head: int = 0
    calls: int = 0

    def commit(self, batch: Batch) -> list[PendingAppend]:
        self.calls += 1
        streams, roots, event_streams, versions, *_ = (list(map(str, c)) for c in batch.columns())
        expected = dict.fromkeys(event_streams, "0") | dict(zip(streams, roots, strict=True))
        if any(self.versions.get(stream, 0) != int(root) for stream, root in expected.items()):
            return batch.refused({stream: self.versions.get(stream, 0) for stream in batch.streams})
        head = self.head
        for stream, version in zip(event_streams, versions, strict=True):
            self.versions[stream] = self.versions.get(stream, 0) + 1
            assert int(version) == self.versions[stream]
            self.head += 1
        return batch.stored(head)


def commit_all(store: Store, appends: list[PendingAppend]) -> None:
    waiting = deque(appends)
    while waiting:
        batch = Batch()
        while waiting and batch.take(waiting[0]):
            waiting.popleft()
        waiting.extendleft(reversed(store.commit(batch)))


def pending(stream: str, expected: int, number: int = 1, size: int = 10) -> PendingAppend:
    return PendingAppend(stream, new_events(number), expected, size)


wanted = st.tuples(st.sampled_from(STREAMS), st.integers(0, 6), st.integers(1, 3))


@given(
    asked=st.lists(wanted, max_size=25),
    versions=st.fixed_dictionaries({stream: st.integers(0, 5) for stream in STREAMS}),
)
async def test_every_append_is_answered_rightly(
    asked: list[tuple[str, int, int]], versions: dict[str, int]
) -> None:
    store = Store(dict(versions))
    appends = [pending(*each) for each in asked]
    commit_all(store, appends)
    stored = [each for each in appends if each.placement.result().position is not None]
    assert store.head == sum(len(each.events) for each in stored)
    for stream in STREAMS:
        ours = sorted(
            (each for each in stored if each.stream == stream), key=lambda each: each.expected
        )
        at = versions[stream]
        for each in ours:
            assert each.expected == at
            at += len(each.events)
        assert at == store.versions[stream]
    for each in appends:
        placement = each.placement.result()
        if placement.position is None:
            assert placement.actual != each.expected
            assert versions[each.stream] <= placement.actual <= store.versions[each.stream]
    assert store.calls <= 2 * len(appends)


@given(number=st.integers(1, 20), at=st.integers(0, 5))
async def test_appends_that_build_on_each_other_go_in_together(number: int, at: int) -> None:
    store = Store({"order-1": at})
    appends = [pending("order-1", at + 2 * i, 2) for i in range(number)]
    commit_all(store, appends)
    assert [each.placement.result().position for each in appends] == [
        2 * (i + 1) for i in range(number)
    ]
    assert store.calls == 1


@given(number=st.integers(2, 20), at=st.integers(0, 5))
async def test_a_race_for_one_version_takes_one_call(number: int, at: int) -> None:
    store = Store({"order-1": at})
    appends = [pending("order-1", at) for _ in range(number)]
    commit_all(store, appends)
    first, *others = [each.placement.result() for each in appends]
    assert first.position == 1
    assert [(each.actual, each.position) for each in others] == [(at + 1, None)] * (number - 1)
    assert store.calls == 1


async def test_a_batch_is_bounded_in_events() -> None:
    batch = Batch()
    assert batch.take(pending("order-1", 0, MAX_EVENTS - 1))
    assert batch.take(pending("order-2", 0, 1))
    assert not batch.take(pending("order-3", 0, 1))


async def test_a_batch_is_bounded_in_bytes() -> None:
    batch = Batch()
    assert batch.take(pending("order-1", 0, size=MAX_BYTES))
    assert not batch.take(pending("order-2", 0, size=1))


async def test_one_append_of_any_size_has_room() -> None:
    assert Batch().take(pending("order-1", 0, MAX_EVENTS + 1, MAX_BYTES + 1))


async def test_an_event_id_is_in_a_batch_once() -> None:
    events = new_events(1)
    batch = Batch()
    assert batch.take(PendingAppend("order-1", events, 0, 10))
    assert not batch.take(PendingAppend("order-2", events, 0, 10))
