"""All read models by eventsourcing's ProjectionRunner: the peer of bench_rebuild.

The library's own reader, runner and PostgreSQL tracking recorder, used as its documentation shows:
a transaction for each event, of what the event changes and the event's position. What is not the
library's is ours: the decoder, and the folds, which keep what they know and ask for the rows that
they do not. All read models are one projection, so that each event is read and tracked once.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict

from domain.event import decode
from domain.log import RecordedEvent
from infra.log.postgres.log import PostgresEventLog
from projections.account_tables import (
    ACCOUNTS,
    BALANCES,
    POSITIONS,
    RESERVATIONS,
    AccountRow,
    BalanceRow,
    PositionRow,
    ReservationRow,
)
from projections.orders import ORDERS, OrderRow
from projections.projection import AnyTable, Changes, Fact, Fold, Loaded, Wanted
from projections.registry import ALL_PROJECTIONS
from projections.risk import RISK, RiskRow

if TYPE_CHECKING:
    from psycopg import Cursor

PATIENCE_SECONDS = 600.0
SCHEMA = "peer"

_PARTS = Path(__file__).with_suffix(".sql").read_text("utf-8").split("-- name: ")[1:]
SQL = {name: body for name, _, body in (part.partition("\n") for part in _PARTS)}

_DECODERS: dict[AnyTable, Callable[[str], Sequence[msgspec.Struct]]] = {
    ACCOUNTS: msgspec.json.Decoder(list[AccountRow]).decode,
    BALANCES: msgspec.json.Decoder(list[BalanceRow]).decode,
    POSITIONS: msgspec.json.Decoder(list[PositionRow]).decode,
    RESERVATIONS: msgspec.json.Decoder(list[ReservationRow]).decode,
    ORDERS: msgspec.json.Decoder(list[OrderRow]).decode,
    RISK: msgspec.json.Decoder(list[RiskRow]).decode,
}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RecordedEvent).decode


class FactMapper(Mapper[str]):
    """Of the log's events as ``stored`` has stored them."""

    def __init__(self) -> None:
        """Needs no transcoder."""

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        recorded = _decode(stored_event.state)
        return Fact(recorded, decode(recorded))


class SameLog(Application[str]):
    """What the runner follows."""

    def construct_mapper(self) -> Mapper[str]:
        return FactMapper()


class Rows(PostgresTrackingRecorder):
    """The tables of all read models, beside how far they have come."""

    def project(self, fact: Fact, folds: Sequence[Fold], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            for fold in folds:
                fold.take(_loaded(cursor, fold.wanted([fact])))
                fold.apply(fact)
                _write(cursor, fold.changes())
            self._insert_tracking(cursor, tracking)


class AllReadModels(Projection[Rows]):
    def __init__(self, view: Rows) -> None:
        super().__init__(view)
        self._folds = [(projection, projection.fold()) for projection in ALL_PROJECTIONS]
        self.began_at = self.ended_at = 0.0

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.began_at = self.began_at or time.perf_counter()
        recorded = domain_event.recorded
        folds = [fold for projection, fold in self._folds if projection.concerns(recorded)]
        self.view.project(domain_event, folds, tracking)
        self.ended_at = time.perf_counter()


class LibraryProjection:
    """``rate`` fills the tables anew from the first events of a log."""

    def __init__(self, dsn: str, events: int) -> None:
        self._dsn = dsn
        self.events = events

    async def rate(self) -> float:
        """Events a second, from when the first is at hand until the last one's commit."""
        await self._prepare()
        return await asyncio.to_thread(self._run)

    def _run(self) -> float:
        with ProjectionRunner(
            application_class=SameLog,
            projection_class=AllReadModels,
            view_class=Rows,
            env=environment(self._dsn),
        ) as runner:
            runner.wait(self.events, PATIENCE_SECONDS)
            projection = runner.projection
        assert isinstance(projection, AllReadModels)
        return self.events / (projection.ended_at - projection.began_at)

    async def _prepare(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(SQL["forget"])
            for projection in ALL_PROJECTIONS:
                await connection.execute(projection.table_definitions(SCHEMA))
            application = await asyncio.to_thread(SameLog, environment(self._dsn))
            await asyncio.to_thread(application.close)
            await self._store(connection)
        finally:
            await connection.close()

    async def _store(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """The library's log has the same events at the same positions; what was written before is
        flushed, so that no commit waits for it."""
        async with PostgresEventLog.open(self._dsn) as log:
            async for page in log.read_all(until=self.events):
                await connection.copy_records_to_table(
                    "samelog_events",
                    columns=("originator_id", "originator_version", "topic", "state",
                             "notification_id"),
                    records=[
                        (each.stream, each.version, each.type, _encode(each), each.position)
                        for each in page
                    ],
                )  # fmt: skip
        await connection.execute("vacuum analyze samelog_events")
        await connection.execute("checkpoint")


def environment(dsn: str) -> Mapping[str, str]:
    """What tells the library where its database is."""
    where = conninfo_to_dict(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "ORIGINATOR_ID_TYPE": "text",
        "POSTGRES_DBNAME": str(where["dbname"]),
        "POSTGRES_HOST": str(where["host"]),
        "POSTGRES_PORT": str(where.get("port") or 5432),
        "POSTGRES_USER": str(where.get("user") or "postgres"),
        "POSTGRES_PASSWORD": str(where.get("password") or "unused"),
    }


def _loaded(cursor: "Cursor[Any]", wanted: Sequence[Wanted]) -> Loaded:
    loaded = Loaded()
    for table, keys in wanted:
        if keys:
            cursor.execute(_sql("load", table), [list(keys)], prepare=True)
            found = cursor.fetchone()
            assert found is not None
            loaded.put(table, _DECODERS[table](found["rows"]))
    return loaded


def _write(cursor: "Cursor[Any]", changes: Sequence[Changes]) -> None:
    for table, rows, deleted in changes:
        if deleted:
            gone = [key["order_id"] for key in deleted]
            cursor.execute(_sql("delete", table), [gone], prepare=True)
        if rows:
            statement = _sql("upsert", table, rows[0].__struct_fields__)
            cursor.execute(statement, [_json(rows)], prepare=True)


@cache
def _sql(name: str, table: AnyTable, columns: Sequence[str] = ()) -> str:
    changing = [column for column in columns if column not in table.key]
    return SQL[name].format(
        table=table.name,
        key=", ".join(table.key),
        first=table.key[0],
        type="text" if table is RISK else "uuid",
        assignments=", ".join(f"{column} = excluded.{column}" for column in changing),
    )


def _json(rows: Sequence[msgspec.Struct]) -> str:
    """PostgreSQL has no text with a NUL in it; the read models show the symbol for it."""
    return msgspec.json.encode(rows).decode().replace("\\u0000", "\\u2400")
