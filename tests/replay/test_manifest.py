"""Manifests: the same for the same past, whoever makes them; and what their digests tell apart."""

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

import domain.event as events
from domain.event import upcasts
from replay.manifest import Manifest, TableDigest, decode_manifest, encode_manifest, root_digest
from tests.projections.history import History
from tests.replay.rebuilding import Archive, open_archive


@pytest.fixture
async def archive(postgres_dsn: str) -> AsyncIterator[Archive]:
    async with open_archive(postgres_dsn) as opened:
        yield opened


def without_run(manifest: Manifest) -> bytes:
    """Its bytes but for the run's own times."""
    document = msgspec.json.decode(encode_manifest(manifest))
    assert document.pop("run").keys() == {"started_at", "finished_at"}
    return msgspec.json.encode(document)


async def test_two_runs_give_the_same_bytes_whatever_their_pages(archive: Archive) -> None:
    history = History(41)
    await archive.append(history, 400)
    first = await archive.rebuild(350, "first", page_size=7)
    archive.clock.advance(hours=1)
    await archive.append(history, 100)
    second = await archive.rebuild(350, "second", page_size=1_000)
    assert without_run(first) == without_run(second)
    assert second.run.finished_at - first.run.finished_at == timedelta(hours=1)


async def test_it_says_what_was_rebuilt_from_what_by_which_code(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_upcasters", {})

    @upcasts("OrderPlaced", 1)
    def same(data: dict[str, Any]) -> dict[str, Any]:
        return data

    await archive.append(History(42), 100)
    manifest = await archive.rebuild(80, "past", code_version="9.9")
    assert (manifest.code_version, manifest.upcasters) == ("9.9", ["OrderPlaced v1"])
    assert (manifest.cut.position, manifest.cut.asked_for) == (80, "80")
    assert manifest.cut.times_gone_back == 0
    assert (manifest.events, manifest.models["orders"] >= 1) == (80, True)
    (kept,) = await archive.rebuilder().all()
    assert kept.read_manifest() == manifest
    assert decode_manifest(encode_manifest(manifest)) == manifest


async def test_a_digest_is_over_the_rows_as_anybody_can_copy_them(archive: Archive) -> None:
    await archive.append(History(43), 200)
    manifest = await archive.rebuild(200, "past")
    digests = {table.table: table for table in manifest.tables}
    content = bytearray()

    async def read(some: bytes) -> None:
        content.extend(some)

    await archive.connection.execute("set timezone = 'UTC'")
    await archive.connection.copy_from_query(
        "select account_id, asset, balance, reserved, margin, available, updated_at, position"
        " from past.balances order by account_id::text, asset",
        output=read,
    )
    balances = digests["balances"]
    assert balances.sha256 == sha256(content).hexdigest()
    assert balances.rows == content.count(b"\n") > 0
    assert manifest.root == root_digest(200, manifest.tables)


async def test_times_that_went_back_are_counted(archive: Archive) -> None:
    await archive.append(History(44), 100)
    recorded = archive.log.store.events
    for position in (50, 51, 90):
        recorded[position - 1] = msgspec.structs.replace(
            recorded[position - 1], recorded_at=recorded[0].recorded_at
        )
    for page_size in (1, 7, 100):
        manifest = await archive.rebuild(89, f"pages_of_{page_size}", page_size=page_size)
        assert manifest.cut.times_gone_back == 1
    assert (await archive.rebuild(100, "all")).cut.times_gone_back == 2


@pytest.mark.parametrize(
    "other",
    [
        (2, [TableDigest("a", 1, "x"), TableDigest("b", 2, "y")]),
        (1, [TableDigest("a", 2, "x"), TableDigest("b", 2, "y")]),
        (1, [TableDigest("a", 1, "x"), TableDigest("b", 2, "z")]),
        (1, [TableDigest("b", 2, "y"), TableDigest("a", 1, "x")]),
        (1, [TableDigest("a", 1, "x")]),
    ],
)
def test_the_root_stands_for_all_of_it(other: tuple[int, list[TableDigest]]) -> None:
    tables = [TableDigest("a", 1, "x"), TableDigest("b", 2, "y")]
    assert root_digest(1, tables) == root_digest(1, list(tables))
    assert root_digest(*other) != root_digest(1, tables)
