"""An erasure that breaks off at its appends ends the same on every log."""

import pytest

from domain.client.client import SubjectStatus
from domain.client.personal_field import PersonalField
from domain.log import EventLog, LogError
from domain.repository import Repository
from domain.use_cases.client_desk import ClientDesk
from replay.state.state import state_of
from tests.contract.logs import LogUnderTest
from tests.domain.world import NOON, SteppingClock, context_for
from tests.doubles.memory_subject_keys import KeysAway, MemorySubjectKeys


def desk_at(log: EventLog, keys: MemorySubjectKeys) -> ClientDesk:
    """Of a process that has just started."""
    return ClientDesk(Repository(log, "test"), log, keys, SteppingClock())


async def test_an_erasure_that_breaks_off(under_test: LogUnderTest) -> None:
    log, keys = under_test.log, MemorySubjectKeys()
    await desk_at(log, keys).record("alice", {PersonalField.NAME: "Alice"}, context_for("1"))
    before = await log.head()
    keys.fail_after = True
    with pytest.raises(KeysAway):
        await desk_at(log, keys).erase("alice", "asked", context_for("2"))
    under_test.lose_next_answer()
    try:
        await desk_at(log, keys).erase("alice", "asked", context_for("3"))
    except LogError:
        await desk_at(log, keys).erase("alice", "asked", context_for("4"))
    shown = await desk_at(log, keys).show("alice")
    assert (shown.status, shown.details) == (SubjectStatus.ERASED, {PersonalField.NAME: "erased"})
    types = [event.type async for page in log.read_stream("client-alice") for event in page]
    assert types == ["ClientDetailsRecorded", "SubjectErasureRequested", "SubjectErased"]
    then = await state_of(log, "client-alice", str(before), NOON)
    assert (then.version, then.state["status"]) == (1, "recorded")
