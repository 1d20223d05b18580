"""Whose an order is, from the log itself: commands may come before the read models know it."""

from contextlib import aclosing

import msgspec

from api.auth.caller import Caller, order_not_found
from domain.log import EventLog
from domain.order.order import Order


class _Owner(msgspec.Struct):
    account_id: str


_decode = msgspec.json.Decoder(_Owner).decode


class OrderOwner:
    """Every event of an order names its account, which never changes."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def require(self, order_id: str, caller: Caller) -> None:
        """Raises Problem ``order_not_found``: a foreign order looks like a missing one."""
        if caller.accounts is None:
            return
        account_id = await self._account_of(order_id)
        if account_id is None or not caller.reaches(account_id):
            raise order_not_found()

    async def _account_of(self, order_id: str) -> str | None:
        async with aclosing(self._log.read_stream(Order.stream_of(order_id), page_size=1)) as pages:
            async for page in pages:
                return _decode(page[0].data).account_id
        return None
