"""What reconciliation and the venue's session record, as the execution role would."""

from collections.abc import Callable
from decimal import Decimal

from domain.account.account import Account
from domain.account.position import Position
from domain.repository import AnyAggregate
from domain.session.session import Session
from tests.domain.world import World, context_for


async def something_external(world: World, account_id: str, quantity: str = "2") -> int:
    """A position of this quantity is found that the core did not trade."""
    found = Position("BTCUSDT", "USDT", Decimal(quantity), Decimal(quantity) * 100)

    def find(account: Account) -> None:
        account.adjust_position(found, world.clock.now())

    return await _record(world, Account, account_id, find)


async def a_failure(world: World, account_id: str, reason: str = "the venue is away") -> int:
    def fail(account: Account) -> None:
        account.fail_reconciliation(reason, world.clock.now())

    return await _record(world, Account, account_id, fail)


async def a_success(world: World, account_id: str) -> int:
    def succeed(account: Account) -> None:
        account.reconcile(world.clock.now())

    return await _record(world, Account, account_id, succeed)


async def something_impossible(world: World, raw: str = '{"qty": NaN}') -> int:
    def note(session: Session) -> None:
        session.note_problem("unreadable", "not a report", raw, world.clock.now())

    return await _record(world, Session, "paper", note)


async def a_leader(world: World, epoch: int = 1) -> int:
    def lead(session: Session) -> None:
        session.start_epoch(epoch, world.clock.now())

    return await _record(world, Session, "paper", lead)


async def _record(
    world: World,
    kind: type[AnyAggregate],
    aggregate_id: str,
    decide: Callable[[AnyAggregate], None],
) -> int:
    """The position of what was recorded."""
    repository = world.here.repository
    aggregate = await repository.load(kind, aggregate_id, newest=True)
    decide(aggregate)
    appended = await repository.save(aggregate, context_for("found", str(aggregate.version)))
    assert appended is not None
    return appended.position
