import pytest

from domain.execution.account_records import AccountRecords
from domain.order.order import Order
from tests.domain.execution.sent import a_world, placed


async def test_the_account_may_change_while_its_orders_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was given back is the newest there is: others in this process bring it up to date."""
    world, account_id = await a_world()
    wanted = {(await placed(world, account_id)).id for _ in range(2)}
    records = AccountRecords(world.here.repository, world.here.gate, world.clock)
    account = await records.account(account_id)
    read = records.order

    async def read_and_release(order_id: str) -> Order:
        account.reservations.pop(order_id)
        return await read(order_id)

    monkeypatch.setattr(records, "order", read_and_release)
    assert {order.id for order in await records.working_orders(account)} == wanted
