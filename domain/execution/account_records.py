"""Accounts and their orders, as the execution worker reads and changes them."""

from collections.abc import Callable, Sequence

from domain.account.account import Account
from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.execution.trading_gate import TradingGate
from domain.order.order import Order
from domain.patience import insist
from domain.repository import Repository
from domain.use_cases.change import change

ORDERS_LOOKED_AT = 50
"""How many of an account's newest executed orders are looked at where something differs."""

_ACTOR = Actor(ActorType.SYSTEM, "reconciliation", "execution")


class AccountRecords:
    """Tells the gate of every account; waits for a log that is away.

    Raises what reading and appending raise beyond that.
    """

    def __init__(self, repository: Repository, gate: TradingGate, clock: Clock) -> None:
        self._repository = repository
        self._gate = gate
        self._clock = clock

    async def account(self, account_id: str) -> Account:
        """As the log has it now: others settle and reserve there."""
        account = await insist(self._clock, lambda: self._repository.look(Account, account_id))
        self._gate.note(account)
        return account

    async def order(self, order_id: str) -> Order:
        """As this worker knows it: what it has booked itself is in there."""

        async def load() -> Order:
            order = await self._repository.load(Order, order_id)
            self._repository.give_back(order)
            return order

        return await insist(self._clock, load)

    async def working_orders(self, account: Account) -> Sequence[Order]:
        """The orders the account has reserved for: all that may work, and those on their way."""
        reserved = list(account.reservations)  # the account may change while orders are read
        return [await self.order(order_id) for order_id in reserved]

    async def executed_orders(self, account: Account) -> Sequence[Order]:
        """The newest that have executions, ended or not."""
        newest = list(account.settled)[-ORDERS_LOOKED_AT:]
        return [await self.order(order_id) for order_id in newest]

    async def change(self, account_id: str, decide: Callable[[Account], None]) -> None:
        command_id = command_id_for("reconciliation", account_id, self._clock.now().isoformat())
        context = CommandContext(command_id, str(command_id), _ACTOR)

        def decide_and_tell(account: Account) -> None:
            decide(account)
            self._gate.note(account)  # before it is in the log: no intent after it may miss it

        await insist(
            self._clock,
            lambda: change(self._repository, Account, account_id, decide_and_tell, context),
        )
