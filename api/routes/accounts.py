"""Accounts: open, list, move money, see balances and positions."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import MOVE_MONEY, OPEN_ACCOUNTS, OVERSEE, READ_MONEY, allow
from api.command import command_context, done
from api.dependencies import ApiDependencies
from api.documents.account import (
    AccountDocument,
    AccountOpened,
    Acknowledged,
    BalanceDocument,
    PositionDocument,
    Transferred,
)
from api.documents.fields import Items
from api.errors import Problem
from api.fields import Asset, Body, DecimalText, Name, Reason, UuidText
from api.queries import query
from api.reads.account_reader import AccountReader
from api.reads.database import Database
from api.reads.freshness import Freshness
from api.reads.ordering import AccountKey
from api.reads.past import Then, then
from api.reads.rows import item, items
from api.registration import creates, reads
from api.route import caller_of
from api.routes.listing import Listing
from api.routes.queries import Reading, ReadingPages
from domain.risk.trading_state import TradingState
from domain.use_cases.account_desk import AcknowledgeExternal, OpenAccount, Transfer
from domain.use_cases.result import Done

PROJECTION = "accounts"


class OpenAccountBody(Body):
    """``client_id`` is a pseudonym: it is stored for ever, so it must not tell who it is."""

    client_id: Name
    venue: Name = "paper"
    margin_rate: DecimalText = Decimal(1)


class TransferBody(Body):
    asset: Asset
    amount: DecimalText


class AcknowledgementBody(Body):
    reason: Reason


class AccountQuery(ReadingPages):
    client_id: Name | None = None
    trading_state: TradingState | None = None


class AccountRoutes:
    def __init__(self, api: ApiDependencies, freshness: Freshness) -> None:
        self._api = api
        self._freshness = freshness
        self._database = Database(api.pool)
        self._reader = AccountReader(self._database)
        self._accounts = Listing(api, freshness, PROJECTION, "accounts", AccountKey)
        self._balances = query("balances")
        self._positions = query("positions")

    def add_to(self, router: APIRouter) -> None:
        one = "/v1/accounts/{account_id}"
        creates(router, "/v1/accounts", self.open, AccountOpened)
        reads(router, "/v1/accounts", self.list, Items[AccountDocument])
        reads(router, one, self.show, AccountDocument)
        creates(router, f"{one}/deposits", self.deposit, Transferred)
        creates(router, f"{one}/withdrawals", self.withdraw, Transferred)
        creates(router, f"{one}/acknowledgements", self.acknowledge, Acknowledged)
        reads(router, f"{one}/balances", self.balances, Items[BalanceDocument])
        reads(router, f"{one}/positions", self.positions, Items[PositionDocument])

    @allow(OPEN_ACCOUNTS)
    async def open(self, request: Request, body: OpenAccountBody) -> Response:
        """Open an account; its id derives from the Idempotency-Key where there is one."""
        if body.venue not in self._api.venues:
            raise Problem("unknown_venue", f"there is no venue {body.venue}", "venue")
        opening = OpenAccount(body.client_id, body.venue, body.margin_rate, self._api.fees)
        opened = await self._api.accounts.open(opening, command_context(request, self._api.ids))
        return done(201, opened.position, {"account_id": opened.id})

    @allow(MOVE_MONEY)
    async def deposit(self, request: Request, account_id: UuidText, body: TransferBody) -> Response:
        """Credit money."""
        context = command_context(request, self._api.ids)
        transfer = _transfer(request, account_id, body, str(context.command_id))
        return _moved(transfer, await self._api.accounts.deposit(transfer, context))

    @allow(MOVE_MONEY)
    async def withdraw(
        self, request: Request, account_id: UuidText, body: TransferBody
    ) -> Response:
        """Debit money that is available."""
        context = command_context(request, self._api.ids)
        transfer = _transfer(request, account_id, body, str(context.command_id))
        return _moved(transfer, await self._api.accounts.withdraw(transfer, context))

    @allow(OVERSEE)
    async def acknowledge(
        self, request: Request, account_id: UuidText, body: AcknowledgementBody
    ) -> Response:
        """Let an account trade again that only reduces because of what the core did not do."""
        caller_of(request).require_account(account_id)
        context = command_context(request, self._api.ids)
        seen = AcknowledgeExternal(account_id, str(context.command_id), body.reason)
        acknowledged = await self._api.accounts.acknowledge(seen, context)
        document = {"account_id": account_id, "request_id": seen.request_id}
        return done(201, acknowledged.position, document)

    @allow(READ_MONEY)
    async def list(self, request: Request, asked: Annotated[AccountQuery, Query()]) -> Response:
        """Accounts in reach, newest first."""
        caller = caller_of(request)
        filters = (caller.within(None), asked.client_id, asked.trading_state)
        return await self._accounts.answer(caller, asked, filters)

    @allow(READ_MONEY)
    async def show(
        self, request: Request, account_id: UuidText, asked: Annotated[Reading, Query()]
    ) -> Response:
        if past := await self._then(request, asked):
            return past.item((await past.account(account_id)).account)
        await self._freshness.wait(PROJECTION, asked.at_least)
        return item(await self._reader.account(account_id, caller_of(request)))

    @allow(READ_MONEY)
    async def balances(
        self, request: Request, account_id: UuidText, asked: Annotated[Reading, Query()]
    ) -> Response:
        """Balance, reserved, margin and available of each asset."""
        if past := await self._then(request, asked):
            return past.items((await past.account(account_id)).balances)
        return await self._of_account(self._balances, request, account_id, asked)

    @allow(READ_MONEY)
    async def positions(
        self, request: Request, account_id: UuidText, asked: Annotated[Reading, Query()]
    ) -> Response:
        """Quantity, cost, average price and realised profit of each symbol."""
        if past := await self._then(request, asked):
            return past.items((await past.account(account_id)).positions)
        return await self._of_account(self._positions, request, account_id, asked)

    async def _then(self, request: Request, asked: Reading) -> Then | None:
        """None where the present is asked for."""
        if asked.as_of is None:
            return None
        return await then(self._api.past, asked.as_of, caller_of(request))

    async def _of_account(
        self, statement: str, request: Request, account_id: str, asked: Reading
    ) -> Response:
        await self._freshness.wait(PROJECTION, asked.at_least)
        await self._reader.account(account_id, caller_of(request))
        return items(await self._database.rows(statement, account_id))


def _transfer(request: Request, account_id: str, body: TransferBody, transfer_id: str) -> Transfer:
    caller_of(request).require_account(account_id)
    return Transfer(account_id, transfer_id, body.asset, body.amount)


def _moved(transfer: Transfer, moved: Done) -> Response:
    document = {"account_id": transfer.account_id, "transfer_id": transfer.transfer_id}
    return done(201, moved.position, document)
