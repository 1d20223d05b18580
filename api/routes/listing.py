"""A list of a read model, page by page: as it is, or as it was."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
from starlette.responses import Response

from api.auth.caller import Caller
from api.dependencies import ApiDependencies
from api.reads.account_reader import AccountReader
from api.reads.database import Database
from api.reads.freshness import Freshness
from api.reads.page import Pages
from api.reads.past import then
from api.routes.queries import ReadingPages

KeyT = TypeVar("KeyT", bound=msgspec.Struct)


class Listing(Generic[KeyT]):
    """``statement`` reads the views of ``projection`` and no others."""

    def __init__(
        self,
        api: ApiDependencies,
        freshness: Freshness,
        projection: str,
        statement: str,
        key: type[KeyT],
    ) -> None:
        database = Database(api.pool)
        self._past = api.past
        self._freshness = freshness
        self._projection = projection
        self._accounts = AccountReader(database)
        self._pages = Pages(database, statement, key)

    async def answer(
        self,
        caller: Caller,
        asked: ReadingPages,
        filters: Sequence[object],
        account_id: str | None = None,
    ) -> Response:
        """A page. ``filters`` keep to the caller's reach; ``account_id`` is the account that the
        list is of, which must be there.

        Raises Problem ``invalid_cursor``, ``account_not_found``, ``read_model_behind``, and as
        ``Past.position`` and ``Past.rows``.
        """
        if asked.as_of is not None:
            return await self._answer_then(caller, asked, asked.as_of, filters, account_id)
        await self._freshness.wait(self._projection, asked.at_least)
        rows = await self._pages.rows(filters, asked.cursor, asked.limit)
        if not rows and account_id is not None:
            await self._accounts.account(account_id, caller)
        return self._pages.answer(rows, asked.limit)

    async def _answer_then(
        self,
        caller: Caller,
        asked: ReadingPages,
        as_of: str,
        filters: Sequence[object],
        account_id: str | None,
    ) -> Response:
        past = await then(self._past, as_of, caller)
        model = past.model(self._projection)
        rows = await self._pages.rows(filters, asked.cursor, asked.limit, model)
        if not rows and account_id is not None:
            await past.account(account_id)
        return past.dated(self._pages.answer(rows, asked.limit, model))
