"""A table that only grows, beside the log: what was dropped, added, changed or moved is named."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.log import RecordedEvent
from replay.verify.appended_table import AppendedTable
from replay.verify.fact import Fact
from replay.verify.finding import MAX_LISTED
from replay.verify.live_tables import Row
from replay.verify.report import TableResult
from replay.verify.rows_in_order import RowsInOrder

AT = datetime(2026, 1, 1, tzinfo=UTC)


class EvenPositions:
    """A row for each event at an even position; its name is twice as much."""

    name = "names"
    key = ("name",)

    def row(self, fact: Fact) -> Row | None:
        position = fact.recorded.position
        return _row(position) if position % 2 == 0 else None


def _row(position: int) -> dict[str, object]:
    return {"name": str(position * 2), "position": position, "text": "as it was"}


def _fact(position: int) -> Fact:
    recorded = RecordedEvent(UUID(int=1), "E", b"{}", b"{}", "a-1", position, position, AT)
    return Fact(recorded, None, None, None)


async def compared(
    live: Sequence[Row], *, head: int, checkpoint: int, page: int, live_page: int
) -> TableResult:
    async def pages() -> AsyncGenerator[Sequence[Row]]:
        for start in range(0, len(live), live_page):
            yield live[start : start + live_page]

    table = AppendedTable(EvenPositions(), checkpoint, RowsInOrder(pages()))
    facts = [_fact(position) for position in range(1, head + 1)]
    for start in range(0, head, page):
        await table.note(facts[start : start + page])
    return await table.result()


@given(data=st.data(), head=st.integers(0, 40), page=st.integers(1, 9), live_page=st.integers(1, 9))
async def test_what_was_altered_is_named(
    data: st.DataObject, head: int, page: int, live_page: int
) -> None:
    checkpoint = data.draw(st.integers(0, head))
    rows = {position: _row(position) for position in range(2, checkpoint + 1, 2)}
    chosen = st.sets(st.sampled_from(sorted(rows))) if rows else st.just(set[int]())
    dropped = data.draw(chosen)
    changed, moved = data.draw(chosen) - dropped, data.draw(chosen) - dropped
    extra = data.draw(st.sets(st.integers(1, head + 5)))
    for position in changed:
        rows[position]["text"] = "something else"
    for position in moved:
        rows[position]["position"] = (position + data.draw(st.integers(1, 60))) % 61
    live = [row for position, row in rows.items() if position not in dropped]
    live += [{"name": f"extra {p}", "position": p, "text": ""} for p in extra]
    live.sort(key=lambda row: int(str(row["position"])))

    result = await compared(live, head=head, checkpoint=checkpoint, page=page, live_page=live_page)
    found = {(each.key["name"], each.column) for each in result.listed}
    assert found == {
        *((str(p * 2), "text") for p in changed),
        *((str(p * 2), "position") for p in moved),
        *((str(p * 2), None) for p in dropped),
        *((f"extra {p}", None) for p in extra),
    }
    assert (result.differences, result.rows) == (len(found), checkpoint // 2)


async def test_an_empty_table_is_told_in_bounded_memory() -> None:
    head = (MAX_LISTED + 10) * 2
    result = await compared([], head=head, checkpoint=head, page=1_000, live_page=1)
    assert (result.differences, len(result.listed)) == (MAX_LISTED + 10, MAX_LISTED)
