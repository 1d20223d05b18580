"""Reading as of the past: what the read models said when the log ended earlier."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from starlette.responses import Response

from api.auth.caller import Caller, account_not_found, order_not_found
from api.reads.rows import Row, item, items

LOG_POSITION = "Log-Position"


class AccountThen(msgspec.Struct, frozen=True):
    """Rows as the read models had them; balances by asset, positions by symbol."""

    account: Row
    balances: Sequence[Row]
    positions: Sequence[Row]


class Past(Protocol):
    """What stood at a position of the log; of single things None where there was nothing yet.

    Every method raises what the log raises.
    """

    async def position(self, as_of: str) -> int:
        """The position that is meant by one, or by an instant.

        Raises InvalidInput: ``invalid_instant``, ``no_time_zone``, ``in_the_future``,
        ``before_the_first_event``, ``beyond_the_head``, ``no_such_position``.
        """
        ...

    async def account(self, account_id: str, position: int) -> AccountThen | None: ...

    async def order(self, order_id: str, position: int) -> Row | None: ...

    async def timeline(
        self, order_id: str, position: int, after_version: int, most: int
    ) -> Sequence[Row]:
        """An order's first events after a version, oldest first."""
        ...

    async def risk(self, scope: str, position: int) -> Row | None: ...

    async def rows(
        self, projection: str, position: int, statement: str, arguments: Sequence[object]
    ) -> Sequence[Row]:
        """What a statement over the views of a projection in ``read`` would have answered.

        Raises Busy: ``past_busy``, ``past_too_far``.
        """
        ...


class ModelThen:
    """A read model as it stood at one position."""

    def __init__(self, past: Past, projection: str, position: int) -> None:
        self._past = past
        self._projection = projection
        self.position = position

    async def rows(self, statement: str, *arguments: object) -> Sequence[Row]:
        """Raises as ``Past.rows``."""
        return await self._past.rows(self._projection, self.position, statement, arguments)


class Then:
    """The past at one position, as one caller sees it."""

    def __init__(self, past: Past, position: int, caller: Caller) -> None:
        self._past = past
        self._position = position
        self._caller = caller

    async def account(self, account_id: str) -> AccountThen:
        """Raises Problem ``account_not_found``: a foreign account looks like a missing one."""
        self._caller.require_account(account_id)
        account = await self._past.account(account_id, self._position)
        if account is None:
            raise account_not_found()
        return account

    async def order(self, order_id: str) -> Row:
        """Raises Problem ``order_not_found``: a foreign order looks like a missing one."""
        order = await self._past.order(order_id, self._position)
        if order is None or not self._caller.reaches(order["account_id"]):
            raise order_not_found()
        return order

    async def timeline(self, order_id: str, after_version: int, most: int) -> Sequence[Row]:
        """Raises as ``order``."""
        await self.order(order_id)
        return await self._past.timeline(order_id, self._position, after_version, most)

    async def risk(self, scope: str) -> Row | None:
        """The caller's reach is the asker's to check: a scope's name tells it."""
        return await self._past.risk(scope, self._position)

    def model(self, projection: str) -> ModelThen:
        """For lists; what they are narrowed to is the asker's to say."""
        return ModelThen(self._past, projection, self._position)

    def item(self, row: Row) -> Response:
        """One object, with the position that it is of."""
        return self.dated(item(row))

    def items(self, rows: Sequence[Row]) -> Response:
        return self.dated(items(rows))

    def dated(self, response: Response) -> Response:
        response.headers[LOG_POSITION] = str(self._position)
        return response


async def then(past: Past, as_of: str, caller: Caller) -> Then:
    """Raises as ``Past.position``."""
    return Then(past, await past.position(as_of), caller)
