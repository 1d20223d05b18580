"""Orders by id: the hottest read."""

from collections.abc import Mapping, Sequence

from api.auth.caller import Caller, order_not_found
from api.queries import query
from api.reads.batch_loader import BatchLoader
from api.reads.database import Database
from api.reads.rows import Row

_ORDERS_BY_ID = query("orders_by_id")


class OrderReader:
    """Reads orders by id, many askers in one query. ``loader`` must be started."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.loader: BatchLoader[Row] = BatchLoader(self._fetch)

    async def order(self, order_id: str, caller: Caller) -> Row:
        """Raises Problem ``order_not_found``: a foreign order looks like a missing one."""
        row = await self.loader.load(order_id)
        if row is None or not caller.reaches(row["account_id"]):
            raise order_not_found()
        return row

    async def _fetch(self, order_ids: Sequence[str]) -> Mapping[str, Row]:
        rows = await self._database.rows(_ORDERS_BY_ID, order_ids)
        return {row["order_id"]: row for row in rows}
