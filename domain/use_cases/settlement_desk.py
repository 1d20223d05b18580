"""Carries out what policies ask of accounts."""

from domain.account.account import Account
from domain.clock import Clock
from domain.command import CommandContext
from domain.decimals import ZERO
from domain.errors import Conflict
from domain.policies.commands import (
    AccountCommand,
    FlagOcoBothFilled,
    ReleaseReservation,
    ResizeReservation,
    ReverseFill,
    SettleFill,
)
from domain.repository import Repository
from domain.use_cases.change import change
from domain.use_cases.result import Done


class SettlementDesk:
    """Idempotent by what the account has settled: a command may be carried out repeatedly.

    Raises Conflict ``settlement_out_of_order`` where an earlier execution is missing.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def carry_out(self, command: AccountCommand, context: CommandContext) -> Done:
        def decide(account: Account) -> None:
            if not account.exists:
                raise Conflict("account_not_found", f"no account {command.account_id}")
            self._decide(command, account)

        return await change(self._repository, Account, command.account_id, decide, context)

    def _decide(self, command: AccountCommand, account: Account) -> None:
        now = self._clock.now()
        match command:
            case SettleFill():
                account.settle(command.execution, now)
            case ReverseFill():
                account.reverse(command.execution, now)
            case ReleaseReservation():
                account.release(command.order_id, command.reason, now)
            case ResizeReservation():
                self._resize(command, account)
            case FlagOcoBothFilled():
                account.flag_oco_both_filled(
                    command.order_id, command.linked_order_id, command.quantity, now
                )

    def _resize(self, command: ResizeReservation, account: Account) -> None:
        if command.order_id not in account.reservations:
            return
        if command.quantity == ZERO:
            account.release(command.order_id, "amended", self._clock.now())
        else:
            account.resize_reservation(
                command.order_id,
                command.order_version,
                command.quantity,
                command.worst_price,
                self._clock.now(),
            )
