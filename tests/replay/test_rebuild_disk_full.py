"""``patriot rebuild`` where the disk has no room left: it says so, and goes on when it has."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from infra.embedded.postgres import EmbeddedPostgres
from infra.log.postgres.log import PostgresEventLog
from tests.end_to_end.small_disk import CAN_MOUNT, Disk, small_disk
from tests.infra.cli.conftest import patriot
from tests.infra.cli.running import CommandLine
from tests.projections.history import History, append_all

__all__ = ["patriot"]

EVENTS = 150


@pytest.fixture
def disk() -> Iterator[Disk]:
    with small_disk() as disk:
        yield disk


async def append(dsn: str) -> None:
    async with PostgresEventLog.open(dsn) as log:
        await append_all(log, list(History(33).events(EVENTS))[:EVENTS])


if CAN_MOUNT:  # where files cannot grow, the server itself is gone at once

    def test_a_full_disk(disk: Disk, patriot: CommandLine, redis_url: str) -> None:
        server = EmbeddedPostgres(disk.path / "postgres", durable=False)
        server.start()
        with ExitStack() as stack:
            stack.callback(server.stop)
            asyncio.run(append(server.dsn))
            patriot.set_environment(PATRIOT_POSTGRES_DSN=server.dsn, PATRIOT_REDIS_URL=redis_url)
            whole = patriot("rebuild", "--as-of", "100", "--into", "whole", "--json").json

            disk.fill([])
            ended = patriot("rebuild", "--as-of", "100", "--into", "past")
            assert (ended.code, ended.out) == (1, "")
            assert disk.complaint in " ".join(ended.err.split())
            assert "Traceback" not in ended.err
            listed = patriot("rebuild", "--list", "--json").json
            assert {row["schema"]: row["state"] for row in listed}.get("past") != "usable"

            disk.make_space()
            made = patriot("rebuild", "--as-of", "100", "--into", "past", "--json").json
            assert made["root"] == whole["root"]
