"""The read models are what folding the log from its beginning makes."""

from collections.abc import Iterator

from domain.order.status import Ending
from projections.orders import OrderRow
from projections.registry import ALL_PROJECTIONS
from tests.simulation.read_store import ReadStore, folded_anew
from tests.simulation.story import Story


def at_rest(story: Story, store: ReadStore) -> Iterator[str]:
    for projection in ALL_PROJECTIONS:
        anew = folded_anew(projection, story.facts)
        for table in projection.tables:
            kept, expected = store.table(table.name), anew.table(table.name)
            for key in sorted(kept.keys() | expected.keys()):
                if kept.get(key) != expected.get(key):
                    yield f"{table.name} {key}: {kept.get(key)}, folded anew {expected.get(key)}"
    yield from _like_the_log(story, store)


def _like_the_log(story: Story, store: ReadStore) -> Iterator[str]:
    """Beside the same fold: what the aggregates of the log say."""
    rows = store.table("orders")
    for order in story.orders.values():
        if order.ending is Ending.ABANDONED:
            continue
        row = rows.get((order.id,))
        shown = (row.status, row.cum_quantity, row.version) if isinstance(row, OrderRow) else None
        if shown != (order.status, order.cum_quantity, order.version):
            yield f"order {order.id} is {order.status} at version {order.version}, shown is {shown}"
