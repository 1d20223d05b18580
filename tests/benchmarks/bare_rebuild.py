"""What one would write by hand to fill all read models from a log, with nothing around it.

Read a page, decode, fold, copy what changed into temporary tables, merge: one transaction a page.
Every row ever made is kept in memory, and nothing is read again. No checkpoint, no going on after a
stop, no lock, no digest. The folds are the projections' own, as there is one right answer only.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from domain.event import decode
from domain.log import RecordedEvent
from domain.risk.limits import Limits
from projections.projection import AnyTable, Changes, Fact, Loaded, Wanted
from projections.registry import ALL_PROJECTIONS

if TYPE_CHECKING:
    from projections.connection import Connection

PAGE = 2_000

_PARTS = Path(__file__).with_suffix(".sql").read_text("utf-8").split("-- name: ")[1:]
SQL = {name: body for name, _, body in (part.partition("\n") for part in _PARTS)}

Rows = dict[tuple[Any, ...], msgspec.Struct]


class BareRebuild:
    """``run`` returns how many events there were."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._folds = [(projection, projection.fold()) for projection in ALL_PROJECTIONS]
        self._rows: dict[str, dict[str, Rows]] = defaultdict(lambda: defaultdict(dict))

    async def prepare(self) -> None:
        execute = self._connection.execute
        await execute("drop schema if exists bare cascade; create schema bare")
        for projection in ALL_PROJECTIONS:
            await execute(projection.table_definitions("bare"))
            for table in projection.tables:
                await execute(SQL["table"].format(table=table.name))

    async def run(self) -> int:
        position = count = 0
        while page := await self._connection.fetch(SQL["read"], position, PAGE):
            facts = [_fact(record) for record in page]
            changes = self._fold(facts)
            async with self._connection.transaction():
                await self._connection.execute("set local synchronous_commit = off")
                for change in changes:
                    await self._merge(change)
            position = page[-1]["position"]
            count += len(page)
        return count

    def _fold(self, facts: Sequence[Fact]) -> list[Changes]:
        changes: list[Changes] = []
        for projection, fold in self._folds:
            concerning = [fact for fact in facts if projection.concerns(fact.recorded)]
            fold.take(self._loaded(fold.wanted(concerning)))
            for fact in concerning:
                fold.apply(fact)
            changes += fold.changes()
        return changes

    def _loaded(self, wanted: Sequence[Wanted]) -> Loaded:
        loaded = Loaded()
        for table, keys in wanted:
            kept = self._rows[table.name]
            loaded.put(table, [row for key in keys for row in kept[key].values()])
        return loaded

    async def _merge(self, change: Changes) -> None:
        table, rows, deleted = change
        if deleted:
            await self._delete(table, [gone["order_id"] for gone in deleted])
        if rows:
            self._keep(table, rows)
            records = [_record(row) for row in rows]
            await self._connection.copy_records_to_table(
                f"changed_{table.name}", records=records, columns=rows[0].__struct_fields__
            )
            await self._connection.execute(_merge_statement(table, rows[0].__struct_fields__))

    async def _delete(self, table: AnyTable, order_ids: Collection[str]) -> None:
        await self._connection.execute(
            SQL["delete"].format(table=table.name, column="order_id"), list(order_ids)
        )
        for order_id in order_ids:
            self._rows[table.name].pop(order_id, None)

    def _keep(self, table: AnyTable, rows: Sequence[msgspec.Struct]) -> None:
        """By the first column of the key, which is what all of them are loaded by."""
        for row in rows:
            first, *rest = (getattr(row, column) for column in table.key)
            self._rows[table.name][first][tuple(rest)] = row


def _fact(record: Any) -> Fact:
    recorded = RecordedEvent(
        record["id"],
        record["type"],
        record["data"],
        record["metadata"],
        record["stream"],
        record["version"],
        record["position"],
        record["recorded_at"],
    )
    return Fact(recorded, decode(recorded))


def _record(row: msgspec.Struct) -> list[Any]:
    return [_stored(getattr(row, name)) for name in row.__struct_fields__]


def _stored(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "␀")
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, Limits):
        return msgspec.json.encode(value).decode()
    return value


def _merge_statement(table: AnyTable, columns: Sequence[str]) -> str:
    changing = [column for column in columns if column not in table.key]
    return SQL["merge"].format(
        table=table.name,
        key=", ".join(table.key),
        assignments=", ".join(f"{column} = excluded.{column}" for column in changing),
    )
