"""Recording, showing and erasing, whatever breaks off in between."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.client.client import SubjectStatus
from domain.client.personal_field import PersonalField
from domain.client.sealed import KeyGone, SealBroken
from domain.command import CommandContext, Metadata
from domain.errors import Conflict, InvalidInput, NotFound
from domain.log import Appended, EventLog, LogFailed, LogUnavailable, NewEvent, RecordedEvent
from domain.repository import Repository
from domain.use_cases.client_desk import ClientDesk, Subject
from replay.verify.fact import read_fact
from replay.verify.log_checking import LogChecking
from tests.domain.world import NOON, SteppingClock, context_for
from tests.doubles.memory_log import MemoryEventLog, MemoryStore
from tests.doubles.memory_subject_keys import KeysAway, MemorySubjectKeys

NAME, EMAIL = PersonalField.NAME, PersonalField.EMAIL
ALICE = {NAME: "Alice Liddell", EMAIL: "alice@example.com"}

BROKEN_OFF = (KeysAway, LogUnavailable, LogFailed)


class WatchedLog(MemoryEventLog):
    """Nobody may write that a subject is erased while there is a key."""

    def __init__(self, store: MemoryStore, keys: MemorySubjectKeys) -> None:
        super().__init__(store)
        self._keys = keys

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        if any(event.type == "SubjectErased" for event in events):
            assert not await self._keys.exists(stream.removeprefix("client-"))
        return await super().append(stream, events, expected_version=expected_version)


@dataclass
class Office:
    """Keys and a log; each desk is a process of its own."""

    keys: MemorySubjectKeys = field(default_factory=MemorySubjectKeys)
    store: MemoryStore = field(default_factory=MemoryStore)
    number: int = 0

    def __post_init__(self) -> None:
        self.log = WatchedLog(self.store, self.keys)

    def desk(self) -> ClientDesk:
        log: EventLog = self.log
        return ClientDesk(Repository(log, "test"), log, self.keys, SteppingClock())

    async def record(self, **details: str | None) -> None:
        given = {PersonalField(name): text for name, text in details.items()}
        await self.desk().record("alice", given, self._context())

    async def erase(self, reason: str = "asked") -> bool:
        """Whether it had been erased before."""
        return (await self.desk().erase("alice", reason, self._context())).already

    async def show(self) -> Subject:
        return await self.desk().show("alice")

    def events(self) -> list[RecordedEvent]:
        return self.store.streams.get("client-alice", [])

    def types(self) -> list[str]:
        return [event.type for event in self.events()]

    def _context(self) -> CommandContext:
        self.number += 1
        return context_for("client", str(self.number))


@pytest.fixture
def office() -> Office:
    return Office()


async def test_recorded_and_shown(office: Office) -> None:
    await office.record(name="Alice Liddell", email="alice@example.com")
    shown = await office.show()
    assert (shown.status, shown.details) == (SubjectStatus.RECORDED, ALICE)
    assert (shown.recorded_at, shown.erasure) == (NOON, None)


async def test_recorded_again_is_recorded_once(office: Office) -> None:
    await office.record(name="Alice")
    await office.record(name="Alice")
    assert office.types() == ["ClientDetailsRecorded"]


async def test_erased(office: Office) -> None:
    await office.record(name="Alice Liddell", email="alice@example.com")
    assert not await office.erase("she asked for it")
    shown = await office.show()
    assert (shown.status, shown.details) == (SubjectStatus.ERASED, dict.fromkeys(ALICE, "erased"))
    assert shown.erasure is not None
    assert (shown.erasure.reason, shown.erasure.erased_at) == ("she asked for it", NOON)
    assert await office.erase("again")
    assert office.types()[1:] == ["SubjectErasureRequested", "SubjectErased"]
    with pytest.raises(Conflict) as refused:
        await office.record(name="Alice")
    assert refused.value.code == "subject_erased"


async def test_the_outcome_follows_from_the_intention(office: Office) -> None:
    await office.record(name="Alice")
    office.keys.fail_after = True
    with pytest.raises(KeysAway):
        await office.erase()
    await office.erase()
    _, asked, erased = office.events()
    was, became = (msgspec.json.decode(event.metadata, type=Metadata) for event in (asked, erased))
    assert became.causation_id == str(asked.id)
    assert became.correlation_id == was.correlation_id
    assert became.actor == was.actor
    checking = LogChecking()
    for event in office.store.events:
        checking.note(read_fact(event))
    assert sum(result.findings for result in checking.results()) == 0


@pytest.mark.parametrize("fails", ["fail_before", "fail_after"])
async def test_broken_off_around_the_destruction(office: Office, fails: str) -> None:
    await office.record(name="Alice")
    setattr(office.keys, fails, True)
    with pytest.raises(KeysAway):
        await office.erase("first")
    shown = await office.show()
    assert (shown.status, shown.details) == (SubjectStatus.ERASING, {NAME: None})
    with pytest.raises(Conflict):
        await office.record(name="Bob")
    assert not await office.erase("second")
    assert (await office.show()).status is SubjectStatus.ERASED
    shown = await office.show()
    assert shown.erasure is not None
    assert shown.erasure.reason == "first"


@pytest.mark.parametrize("appends", [1, 2])
@pytest.mark.parametrize("lost", [False, True])
async def test_broken_off_at_an_append(office: Office, appends: int, *, lost: bool) -> None:
    await office.record(name="Alice")
    if appends == 2:
        office.keys.fail_before = True
        with pytest.raises(KeysAway):
            await office.erase()
    if lost:
        office.log.lose_next_answer()
    else:
        office.log.refuse_next(LogFailed("disk full"))
    with pytest.raises((LogUnavailable, LogFailed)):
        await office.erase()
    await office.erase()
    assert (await office.show()).status is SubjectStatus.ERASED
    assert office.types() == ["ClientDetailsRecorded", "SubjectErasureRequested", "SubjectErased"]


async def test_many_erase_and_record_at_once(office: Office) -> None:
    await office.record(name="Alice")
    asked = [office.erase(f"reason {number}") for number in range(5)]
    told = [office.record(name=f"Alice {number}") for number in range(5)]
    ended = await asyncio.gather(*asked, *told, return_exceptions=True)
    assert all(isinstance(end, bool | None | Conflict) for end in ended), ended
    assert not await office.keys.exists("alice")
    assert office.types().count("SubjectErasureRequested") == 1
    assert office.types()[-1] == "SubjectErased"
    assert (await office.show()).status is SubjectStatus.ERASED


async def test_a_key_that_comes_back_with_a_backup(office: Office) -> None:
    await office.record(name="Alice")
    backup = office.keys.backup()
    await office.erase()
    office.keys.restore(backup)
    shown = await office.show()
    assert (shown.status, shown.details) == (SubjectStatus.ERASING, {NAME: None})
    assert await office.erase()
    assert (await office.show()).status is SubjectStatus.ERASED
    assert not office.keys.kept


async def test_a_lost_key_is_no_erasure(office: Office) -> None:
    await office.record(name="Alice")
    office.keys.kept.clear()
    for ask in (office.show(), office.record(name="Bob")):
        with pytest.raises(KeyGone, match="no erasure"):
            await ask
    assert not office.keys.kept


async def test_an_altered_event_is_no_erasure(office: Office) -> None:
    await office.record(name="Alice", email="alice@example.com")
    (event,) = office.events()
    details = msgspec.json.decode(event.data)
    details["details"]["name"], details["details"]["email"] = (
        details["details"]["email"],
        details["details"]["name"],
    )
    altered = msgspec.structs.replace(event, data=msgspec.json.encode(details))
    office.store.streams["client-alice"] = [altered]
    with pytest.raises(SealBroken, match="name in version 1 of client-alice"):
        await office.show()


async def test_what_cannot_be_asked(office: Office) -> None:
    desk, context = office.desk(), context_for("x")
    for subject in ("", "a b", "alice@example.com", "x" * 65):
        for ask in (
            desk.record(subject, ALICE, context),
            desk.show(subject),
            desk.erase(subject, "r", context),
        ):
            with pytest.raises(InvalidInput) as refused:
                await ask
            assert refused.value.code == "invalid_subject"
    for details, code in (({}, "no_details"), ({EMAIL: "x"}, "invalid_detail")):
        with pytest.raises(InvalidInput) as refused:
            await desk.record("alice", details, context)
        assert refused.value.code == code
    for reason in ("", "two\nlines", "x" * 501):
        with pytest.raises(InvalidInput) as refused:
            await desk.erase("alice", reason, context)
        assert refused.value.code == "invalid_reason"
    for unknown in (desk.show("bob"), desk.erase("bob", "r", context)):
        with pytest.raises(NotFound) as missing:
            await unknown
        assert missing.value.code == "subject_not_found"
    assert not office.store.events
    assert not office.keys.kept


names = st.sampled_from(["Alice", "Alice Liddell", "Bob the Second", None])
steps = st.one_of(
    st.tuples(st.just("record"), names),
    st.tuples(st.just("erase"), st.sampled_from([None, "before", "after"])),
    st.tuples(st.just("refuse"), st.none()),
    st.tuples(st.just("lose"), st.none()),
)


@given(st.lists(steps, max_size=12))
@settings(max_examples=60)
async def test_whatever_breaks_off_nobody_is_told_what_is_not_so(
    plan: list[tuple[str, str | None]],
) -> None:
    office = Office()
    told_erased = False
    for what, how in plan:
        told_erased |= await _try(office, what, how)
        if not office.events():
            continue
        shown = await office.show()
        is_kept = await office.keys.exists("alice")
        assert (shown.status is SubjectStatus.ERASED) <= (not is_kept)
        assert told_erased <= (shown.status is SubjectStatus.ERASED)
        if shown.status is SubjectStatus.RECORDED:
            assert is_kept
            assert "erased" not in shown.details.values()
    stored = b"".join(event.data + event.metadata for event in office.store.events)
    assert not any(secret in stored for secret in (b"Alice", b"Liddell", b"Bob"))


async def _try(office: Office, what: str, how: str | None) -> bool:
    with suppress(*BROKEN_OFF, Conflict, NotFound):
        return await _do(office, what, how)
    return False


async def _do(office: Office, what: str, how: str | None) -> bool:
    """Whether it was told that the subject is erased."""
    match what:
        case "record":
            await office.record(name=how)
        case "erase":
            if how is not None:
                setattr(office.keys, f"fail_{how}", True)
            await office.erase()
            return True
        case "refuse":
            office.log.refuse_next(LogFailed("disk full"))
        case _:
            office.log.lose_next_answer()
    return False
