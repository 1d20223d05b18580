from uuid import UUID, uuid5

import msgspec
import pytest

from domain.account.account import Account
from domain.command import Actor, ActorType, CommandContext, Metadata, command_id_for
from domain.order.order import Order
from domain.use_cases.account_desk import Transfer
from tests.domain.world import World, context_for, terms_of


def test_a_command_names_itself() -> None:
    assert command_id_for("a", "b") == command_id_for("a", "b")
    assert command_id_for("a", "b") != command_id_for("ab")
    assert command_id_for("a", "b") != command_id_for("a", "b", "")


def test_ids_of_events() -> None:
    context = context_for("x")
    one = context.event_id("account-a", "FundsDeposited", b'{"version":1}')
    assert one == uuid5(context.command_id, 'account-a/FundsDeposited/{"version":1}')
    others = [
        context.event_id("account-b", "FundsDeposited", b'{"version":1}'),
        context.event_id("account-a", "FundsWithdrawn", b'{"version":1}'),
        context.event_id("account-a", "FundsDeposited", b'{"version":2}'),
        context.caused("step").event_id("account-a", "FundsDeposited", b'{"version":1}'),
        context_for("y").event_id("account-a", "FundsDeposited", b'{"version":1}'),
    ]
    assert len({one, *others}) == 6
    assert {each.version for each in (one, *others)} == {5}


def test_derived_ids_are_stable() -> None:
    context = context_for("x")
    assert context.derived_id("order") == context_for("x").derived_id("order")
    assert context.derived_id("order") != context.derived_id("order/stop")
    assert UUID(context.derived_id("order"))


async def test_metadata_says_who_why_and_on_what() -> None:
    world = World()
    await world.set_limits()
    account_id = await world.account()
    context = CommandContext(
        command_id=command_id_for("me", "key"),
        correlation_id="corr",
        actor=Actor(ActorType.HUMAN, "ada", "api", on_behalf_of="client"),
        causation_id="request-1",
        traceparent="00-1-2-01",
    )
    transfer = Transfer(account_id, "t", "USDT", terms_of().quantity)
    await world.here.accounts.deposit(transfer, context)
    stored = msgspec.json.decode(world.store.events[-1].metadata)
    assert stored == {
        "$correlationId": "corr",
        "$causationId": "request-1",
        "command_id": str(context.command_id),
        "actor": {"type": "human", "id": "ada", "channel": "api", "on_behalf_of": "client"},
        "schema_version": 1,
        "code_version": "test",
        "traceparent": "00-1-2-01",
    }


async def test_a_decision_records_its_inputs() -> None:
    world = World()
    await world.set_limits()
    account_id = await world.account()
    placed = await world.place(account_id, terms_of())
    recorded = world.recorded(Order.stream_of(placed.order_id))[0]
    inputs = msgspec.json.decode(recorded.metadata, type=Metadata).inputs
    assert inputs is not None
    # Opened, deposited: the decision stood on version 2, its reservation is version 3.
    assert inputs.streams == {Account.stream_of(account_id): 2}
    assert inputs.limits == {"system": 1, "client:alice": 0, f"account:{account_id}": 0}
    assert inputs.quote is not None
    quote = world.quotes["BTCUSDT"]
    assert (inputs.quote.bid, inputs.quote.ask) == (quote.bid, quote.ask)
    assert (inputs.quote.at, inputs.quote.age_ms) == (quote.at, 0)


@pytest.mark.parametrize("actor_type", ActorType)
def test_actors(actor_type: ActorType) -> None:
    actor = Actor(actor_type, "x", "cli")
    assert msgspec.json.decode(msgspec.json.encode(actor), type=Actor) == actor
