"""The file of a snapshot: whole, or known not to be."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.snapshots.contents import Contents, LastEvent
from replay.snapshots.snapshot_file import SnapshotBad, SnapshotWriter, check, read_part

RECORDED = datetime(2026, 5, 31, tzinfo=UTC)
CONTENTS = Contents(
    model="orders",
    model_version=2,
    build="orders_v2_7.since-1",
    tables="ab" * 32,
    code_version="1.0",
    position=4711,
    events=2000,
    taken_at=datetime(2026, 6, 1, tzinfo=UTC),
    last=LastEvent("order-1", 3, 4700, UUID(int=7), RECORDED),
    last_of_log=LastEvent("account-1", 9, 4711, UUID(int=8), RECORDED),
)

parts = st.lists(st.lists(st.binary(max_size=300), max_size=5), max_size=4)


def written(parts: Sequence[Sequence[bytes]]) -> bytes:
    file = io.BytesIO()
    writer = SnapshotWriter(file)
    for number, chunks in enumerate(parts):
        writer.begin()
        for chunk in chunks:
            writer.write(chunk)
        writer.end(f"table_{number}", len(chunks))
    writer.seal(CONTENTS)
    return file.getvalue()


@given(parts)
def test_what_comes_out_is_what_went_in(parts: Sequence[Sequence[bytes]]) -> None:
    file = io.BytesIO(written(parts))
    contents = check(file)
    assert (contents.position, contents.last) == (CONTENTS.position, CONTENTS.last)
    assert [part.rows for part in contents.parts] == [len(chunks) for chunks in parts]
    for number, chunks in enumerate(parts):
        assert b"".join(read_part(file, contents, number)) == b"".join(chunks)


def test_a_part_larger_than_what_is_read_at_once() -> None:
    large = bytes(range(256)) * 8_000
    file = io.BytesIO(written([[large, large], [b"small"]]))
    contents = check(file)
    assert b"".join(read_part(file, contents, 0)) == large * 2
    assert b"".join(read_part(file, contents, 1)) == b"small"


def test_no_bit_of_it_can_change() -> None:
    whole = written([[b"rows of the first"], [b"rows of the second"]])
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(SnapshotBad):
            check(io.BytesIO(changed))


def test_no_byte_of_it_can_be_missing() -> None:
    whole = written([[b"rows of the first"], [b"rows of the second"]])
    for length in range(len(whole)):
        with pytest.raises(SnapshotBad):
            check(io.BytesIO(whole[:length]))
        with pytest.raises(SnapshotBad):
            check(io.BytesIO(whole[length + 1 :]))


@given(st.binary(max_size=2_000))
def test_other_files_are_none(content: bytes) -> None:
    with pytest.raises(SnapshotBad):
        check(io.BytesIO(content))
