"""The read models of a recovery, in Postgres, built as the projector builds them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from infra.composition.machinery import Machinery
from infra.composition.projector import projection_runner
from infra.composition.replay_recover_sql import SQL, UNUSABLE, part_failed
from projections.builds import install
from projections.candles import CandleWriter
from projections.projection import Projection
from projections.registry import ALL_PROJECTIONS
from replay.recover.read_models import Built, ReadModels

if TYPE_CHECKING:
    from projections.connection import Connection


class PostgresReadModels:
    """Implements replay.recover.read_models.ReadModels."""

    def __init__(self, machine: Machinery) -> None:
        self._pool = machine.pool
        self._runner = projection_runner(machine)
        self._projections = {projection.name: projection for projection in ALL_PROJECTIONS}

    @property
    def names(self) -> Sequence[str]:
        return list(self._projections)

    async def damage(self) -> Sequence[str]:
        with part_failed():
            found = [await self._damage(each) for each in self._projections.values()]
        return [damage for damage in found if damage is not None]

    async def forget(self) -> None:
        with part_failed():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(SQL["forget"])
                await install(connection)
                numbers = [int(name.rpartition("_")[2]) for name in await self._schemas(connection)]
                await connection.execute(SQL["go_on_above"], max(numbers, default=0) + 1)
            await CandleWriter(self._pool, None).install()

    async def build(self, name: str) -> Built:
        with part_failed():
            await self._runner.rebuild(name)
            async with self._pool.acquire() as connection:
                built = await connection.fetchrow(SQL["built"], name)
                assert built is not None, "it was built just now"
                rows = [
                    await connection.fetchval(SQL["rows"].format(build=built["build"], table=table))
                    for table in self._tables(name)
                ]
        return Built(built["checkpoint"], built["events"], sum(rows))

    async def drop_leftovers(self) -> Sequence[str]:
        with part_failed():
            async with self._pool.acquire() as connection, connection.transaction():
                kept = await self._kept(connection)
                left = [name for name in await self._schemas(connection) if name not in kept]
                for name in left:
                    await connection.execute(f"drop schema {name} cascade")
        return left

    async def _kept(self, connection: "Connection") -> set[str]:
        """The builds that count, and what is no build."""
        kept = {record["build"] for record in await connection.fetch(SQL["all_builds"])}
        if await connection.fetchval(SQL["rebuilds_exist"]):
            kept |= {record["name"] for record in await connection.fetch(SQL["rebuilds"])}
        return kept

    def _tables(self, name: str) -> Sequence[str]:
        return [table.name for table in self._projections[name].tables]

    async def _schemas(self, connection: "Connection") -> Sequence[str]:
        records = await connection.fetch(SQL["build_schemas"], self.names)
        return [record["nspname"] for record in records]

    async def _damage(self, projection: Projection) -> str | None:
        async with self._pool.acquire() as connection:
            try:
                built = await connection.fetchrow(SQL["built"], projection.name)
                if built is None:
                    return f"{projection.name} is not there"
                if built["failure"] is not None:
                    return f"{projection.name} has stopped: {built['failure']}"
                for look in _looks(projection, built["build"]):
                    await connection.execute(look)
            except UNUSABLE as error:
                return f"{projection.name}: {error}"
        return None


def _looks(projection: Projection, build: str) -> Iterator[str]:
    """Statements that fail where a table, a view or a column of one is missing."""
    for table in projection.tables:
        columns = ", ".join(table.public)
        yield SQL["look"].format(columns=columns, table=f"{build}.{table.name}")
    for view in projection.views(build):
        yield SQL["look"].format(columns="*", table=f"read.{view}")


def _conforms(models: PostgresReadModels) -> ReadModels:
    return models
