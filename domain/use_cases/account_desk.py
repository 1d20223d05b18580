"""What can be asked for about accounts."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.command import CommandContext
from domain.errors import Conflict, NotFound
from domain.fees import FeeSchedule
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.result import Done


class OpenAccount(msgspec.Struct, frozen=True):
    """``margin_rate`` is the initial margin as a fraction of notional, above 0 and at most 1."""

    client_id: str
    venue: str
    margin_rate: Decimal
    fees: FeeSchedule


class Transfer(msgspec.Struct, frozen=True):
    """``transfer_id`` makes a repeated request the same transfer."""

    account_id: str
    transfer_id: str
    asset: str
    amount: Decimal


class AcknowledgeExternal(msgspec.Struct, frozen=True):
    """``request_id`` makes a repeated request the same acknowledgement."""

    account_id: str
    request_id: str
    reason: str


class AccountDesk:
    """Opens accounts, moves money in and out of them, and lets them trade again."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def open(self, request: OpenAccount, context: CommandContext) -> Done:
        """The account's id derives from the command, so a repeated request opens one account.

        Raises InvalidInput ``invalid_margin_rate``, Conflict ``idempotency_key_reused``.
        """

        def decide(account: Account) -> None:
            if account.exists:
                self._require_same(account, request)
                return
            account.open(
                request.client_id,
                request.venue,
                request.margin_rate,
                request.fees,
                self._clock.now(),
            )

        account_id = context.derived_id("account")
        return await change(self._repository, Account, account_id, decide, context)

    async def deposit(self, transfer: Transfer, context: CommandContext) -> Done:
        """Raises NotFound ``account_not_found`` and what Account.deposit raises."""

        def decide(account: Account) -> None:
            account.deposit(
                transfer.transfer_id, transfer.asset, transfer.amount, self._clock.now()
            )

        return await self._change(transfer.account_id, decide, context)

    async def withdraw(self, transfer: Transfer, context: CommandContext) -> Done:
        """Raises NotFound ``account_not_found`` and what Account.withdraw raises."""

        def decide(account: Account) -> None:
            account.withdraw(
                transfer.transfer_id, transfer.asset, transfer.amount, self._clock.now()
            )

        return await self._change(transfer.account_id, decide, context)

    async def acknowledge(self, request: AcknowledgeExternal, context: CommandContext) -> Done:
        """Somebody has seen what the core did not do: the account is no longer only reducing.

        Raises NotFound ``account_not_found`` and what Account.acknowledge_external raises.
        """

        def decide(account: Account) -> None:
            account.acknowledge_external(request.reason, self._clock.now(), request.request_id)

        return await self._change(request.account_id, decide, context)

    async def _change(
        self, account_id: str, decide: Callable[[Account], None], context: CommandContext
    ) -> Done:
        def decide_on_open(account: Account) -> None:
            if not account.exists:
                raise NotFound("account_not_found", f"there is no account {account_id}")
            decide(account)

        return await change(self._repository, Account, account_id, decide_on_open, context)

    @staticmethod
    def _require_same(account: Account, request: OpenAccount) -> None:
        opened = OpenAccount(account.client_id, account.venue, account.margin_rate, account.fees)
        if opened != request:
            raise Conflict("idempotency_key_reused", "the key opened another account")
