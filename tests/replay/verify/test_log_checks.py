"""Each check of the log finds what was planted, and nothing else does; a lawful log is whole."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain.client.client import Client
from domain.client.personal_field import PersonalField
from domain.event import encode
from domain.order.order import Order
from replay.verify.fact import read_fact
from replay.verify.finding import Finding
from replay.verify.log_checking import LogChecking
from tests.doubles.memory_subject_keys import MemorySubjectKeys
from tests.projections.history import FAILED, PASSED
from tests.replay.verify.book import ACCOUNT, Book, event_id, order_id

ACCOUNT_STREAM = f"account-{ACCOUNT}"
NOBODY = UUID(int=77)


@pytest.fixture
async def book() -> Book:
    book = Book()
    await book.open()
    await book.trade(1)
    await book.trade(2)
    return book


def only(findings: dict[str, list[Finding]], check: str) -> Finding:
    assert list(findings) == [check]
    (found,) = findings[check]
    return found


async def test_a_lawful_log_is_whole(book: Book) -> None:
    await book.halt()
    await book.place(3)
    await book.resume()
    await book.lead(4)
    await book.submit(await book.place(5), epoch=4)
    assert await book.findings() == {}


async def test_every_check_has_something_to_look_at(book: Book) -> None:
    await tell_of_a_client(book)
    checking = LogChecking()
    for recorded in book.log.store.events:
        checking.note(read_fact(recorded))
    assert all(result.examined for result in checking.results())


async def tell_of_a_client(book: Book, *, until: str = "erased") -> Client:
    client: Client = Client.empty("alice")
    sealer = await MemorySubjectKeys().create("alice")
    client.record({PersonalField.NAME: "Alice"}, sealer, book.now)
    client.request_erasure("asked", book.now)
    if until == "erased":
        client.confirm_erasure(book.now)
    await book.take(client)
    return client


class TestPositions:
    @pytest.mark.parametrize("position", [7, 6, 0])
    async def test_that_do_not_increase(self, book: Book, position: int) -> None:
        book.alter(8, position=position)
        found = only(await book.findings(), "positions increase")
        assert (found.position, found.message) == (
            position,
            f"position {position} comes after 7",
        )


class TestVersions:
    async def test_an_event_that_was_taken_away(self, book: Book) -> None:
        opened = book.last("FundsDeposited")
        book.remove(opened.position)
        found = only(await book.findings(), "versions are contiguous")
        assert (found.subject, found.message) == (ACCOUNT_STREAM, "version 3 comes after 1")

    async def test_a_stream_without_its_beginning(self, book: Book) -> None:
        book.remove(1)
        found = (await book.findings())["versions are contiguous"]
        assert [f.message for f in found] == ["version 2 comes after 0"]

    async def test_an_event_told_twice(self, book: Book) -> None:
        events = book.log.store.events
        events.append(book.last("FillSettled"))
        book.alter(len(events), position=len(events))
        found = (await book.findings())["versions are contiguous"]
        assert [f.position for f in found] == [len(events)]

    async def test_an_event_of_another_version_inside(self, book: Book) -> None:
        record = book.last("OrderFilled")
        data = record.data.replace(b'"version":3', b'"version":9')
        assert data != record.data
        book.alter(record.position, data=data)
        found = only(await book.findings(), "versions are contiguous")
        assert found.message == "version 3 holds an event of version 9"

    async def test_an_event_of_another_aggregate_inside(self, book: Book) -> None:
        record = book.last("FundsDeposited")
        data = record.data.replace(ACCOUNT.encode(), str(NOBODY).encode())
        book.alter(record.position, data=data)
        found = only(await book.findings(), "versions are contiguous")
        assert found.message == f"it holds an event of {NOBODY}"


class TestDecoding:
    async def test_an_unknown_type(self, book: Book) -> None:
        book.alter(2, type="MoneyPrinted")
        found = only(await book.findings(), "events are decodable")
        assert (found.subject, found.position) == (ACCOUNT_STREAM, 2)
        assert "MoneyPrinted" in found.message

    @pytest.mark.parametrize("data", [b"{}", b"", b"\xff", b"[]"])
    async def test_data_that_is_not_of_its_type(self, book: Book, data: bytes) -> None:
        book.alter(2, data=data)
        found = only(await book.findings(), "events are decodable")
        assert "FundsDeposited at position 2" in found.message

    @pytest.mark.parametrize("metadata", [b"{}", b"", b"\xff"])
    async def test_metadata_that_is_none(self, book: Book, metadata: bytes) -> None:
        book.alter(2, metadata=metadata)
        assert "metadata" in only(await book.findings(), "events are decodable").message


class TestCausation:
    async def test_a_cause_that_is_not_there(self, book: Book) -> None:
        order = await book.place(3)
        order.submit(1, book.now)
        await book.take(order, cause=NOBODY)
        found = only(await book.findings(), "causes are in the log")
        assert found.subject == order.stream
        assert str(NOBODY) in found.message

    async def test_a_cause_that_comes_later(self, book: Book) -> None:
        order = await book.place(3)
        order.submit(1, book.now)
        await book.take(order, cause=event_id(order.stream, 2))
        assert only(await book.findings(), "causes are in the log").subject == order.stream

    async def test_a_request_may_be_a_cause(self, book: Book) -> None:
        order = await book.place(3)
        order.submit(1, book.now)
        await book.take(order, cause="request 7")
        assert await book.findings() == {}


class TestCorrelation:
    async def test_none(self, book: Book) -> None:
        book.account.deposit("u", "USDT", Decimal(1), book.now)
        await book.take(book.account, correlation="")
        found = only(await book.findings(), "correlations begin in the log")
        assert found.message == "it has no correlation id"

    async def test_one_that_nothing_before_it_knows(self, book: Book) -> None:
        order = await book.place(3)
        order.submit(1, book.now)
        await book.take(order, cause=event_id(order.stream, 1), correlation="from nowhere")
        found = only(await book.findings(), "correlations begin in the log")
        assert (found.subject, "from nowhere" in found.message) == (order.stream, True)

    async def test_the_causes_own_id_is_one(self, book: Book) -> None:
        order = await book.place(3)
        order.submit(1, book.now)
        cause = event_id(order.stream, 1)
        await book.take(order, cause=cause, correlation=str(cause))
        assert await book.findings() == {}

    async def test_another_inside_a_decision(self, book: Book) -> None:
        record = book.last("OrderPlaced")
        book.alter(record.position, data=record.data.replace(b"corr-1", b"corr-2"))
        found = only(await book.findings(), "correlations begin in the log")
        assert found.message == "corr-1 around it, corr-2 inside"


class TestExecutions:
    async def test_without_an_intent(self, book: Book) -> None:
        order = await book.place(3)
        await book.settle(order, await book.fill(order))
        found = only(await book.findings(), "executions are traceable")
        assert found.subject == order.stream
        assert found.message == "trade x-o-3: no intent to send the order comes before it"

    @pytest.mark.parametrize(
        ("verdicts", "doubt"),
        [
            ((), "the order was placed without a verdict of any control"),
            ((*PASSED, *FAILED), "the order was placed though collar failed"),
        ],
    )
    async def test_without_controls(self, book: Book, verdicts: object, doubt: str) -> None:
        order = await book.place(3, verdicts)  # type: ignore[arg-type]  # of verdicts
        await book.submit(order)
        await book.settle(order, await book.fill(order))
        found = only(await book.findings(), "executions are traceable")
        assert (found.subject, found.message) == (order.stream, f"trade x-o-3: {doubt}")

    async def test_without_a_decision(self, book: Book) -> None:
        record = book.last("OrderPlaced")
        book.alter(record.position, type="OrderAbandoned", data=_abandoned(record.stream))
        found = (await book.findings())["executions are traceable"]
        assert [f.message for f in found] == ["trade x-o-2: no decision placed the order"]

    async def test_a_settlement_of_nothing(self, book: Book) -> None:
        record = book.last("OrderFilled")
        book.remove(record.position)
        found = (await book.findings())["executions are traceable"]
        assert [f.subject for f in found] == [ACCOUNT_STREAM]
        assert "which the log does not have" in found[0].message

    async def test_a_settlement_of_another_trade(self, book: Book) -> None:
        record = book.last("FillSettled")
        book.alter(record.position, data=record.data.replace(b"x-o-2", b"x-o-9"))
        found = only(await book.findings(), "executions are traceable")
        assert found.subject == ACCOUNT_STREAM
        assert "as trade x-o-9, it is x-o-2" in found.message


class TestOrphans:
    async def test_an_order_that_never_came(self, book: Book) -> None:
        await book.reserve(3)
        reserved = book.last("FundsReserved")
        book.now += timedelta(seconds=60)
        await book.trade(4)
        found = only(await book.findings(), "reservations have an order")
        assert (found.subject, found.position) == (ACCOUNT_STREAM, reserved.position)
        assert order_id(3) in found.message

    async def test_it_may_still_come(self, book: Book) -> None:
        await book.reserve(3)
        book.now += timedelta(seconds=50)
        await book.trade(4)
        assert await book.findings() == {}

    async def test_it_was_abandoned_and_the_money_is_free(self, book: Book) -> None:
        await book.reserve(3)
        order: Order = Order.empty(order_id(3))
        order.abandon(ACCOUNT, book.now)
        await book.take(order)
        book.account.release(order.id, "abandoned", book.now)
        await book.take(book.account)
        book.now += timedelta(hours=1)
        await book.trade(4)
        assert await book.findings() == {}

    async def test_it_was_abandoned_and_the_money_is_not(self, book: Book) -> None:
        await book.reserve(3)
        order: Order = Order.empty(order_id(3))
        order.abandon(ACCOUNT, book.now)
        await book.take(order)
        book.now += timedelta(hours=1)
        await book.trade(4)
        assert order_id(3) in only(await book.findings(), "reservations have an order").message


class TestHalts:
    @pytest.mark.parametrize(
        "scope", ["system", "client:client-1", f"account:{ACCOUNT}", "strategy:grid"]
    )
    async def test_an_intent_after_a_halt(self, book: Book, scope: str) -> None:
        order = await book.place(3)
        book.risk = type(book.risk).empty(scope)
        await book.halt()
        halted = book.last("TradingHalted")
        await book.submit(order)
        found = only(await book.findings(), "halts are respected")
        assert found.subject == order.stream
        assert found.message == (
            f"an intent to send while {scope} is halted since {halted.position}"
        )

    async def test_another_scope_is_not_halted(self, book: Book) -> None:
        book.risk = type(book.risk).empty("strategy:other")
        await book.halt()
        await book.trade(3)
        assert await book.findings() == {}

    async def test_a_halt_that_is_not_confirmed_yet(self, book: Book) -> None:
        order = await book.place(3)
        book.risk.halt("h", "drill", book.now)
        await book.take(book.risk)
        await book.submit(order)
        assert await book.findings() == {}

    async def test_after_it_was_resumed(self, book: Book) -> None:
        await book.halt()
        await book.resume()
        await book.trade(3)
        assert await book.findings() == {}


class TestEpochs:
    async def test_an_intent_of_an_earlier_leader(self, book: Book) -> None:
        order = await book.place(3)
        await book.lead(5)
        await book.submit(order, epoch=4)
        found = only(await book.findings(), "epochs never go back")
        assert found.subject == order.stream
        assert found.message == "an intent of epoch 4 after epoch 5 of paper began"

    async def test_a_leader_that_is_older_than_the_last(self, book: Book) -> None:
        await book.lead(5)
        record = book.last("LeaderEpochStarted")
        book.alter(record.position, data=record.data.replace(b'"epoch":5', b'"epoch":1'))
        found = only(await book.findings(), "epochs never go back")
        assert (found.subject, found.message) == ("session-paper", "epoch 1 starts after epoch 1")

    async def test_of_another_venue(self, book: Book) -> None:
        book.session = type(book.session).empty("elsewhere")
        await book.lead(9)
        await book.trade(3)
        assert await book.findings() == {}


def _abandoned(stream: str) -> bytes:
    order: Order = Order.empty(stream.removeprefix("order-"))
    order.abandon(ACCOUNT, Book().now)
    return encode(order.pending[0])


class TestErasures:
    async def test_one_that_is_done(self, book: Book) -> None:
        await tell_of_a_client(book)
        assert await book.findings() == {}

    async def test_one_that_was_broken_off(self, book: Book) -> None:
        await tell_of_a_client(book, until="asked")
        found = only(await book.findings(), "erasures are final")
        assert found.position == book.last("SubjectErasureRequested").position
        assert (found.subject, "not done" in found.message) == ("client-alice", True)

    async def test_one_that_nobody_asked_for(self, book: Book) -> None:
        await tell_of_a_client(book)
        book.remove(book.last("SubjectErasureRequested").position)
        found = (await book.findings())["erasures are final"]
        assert ["nobody had asked" in each.message for each in found] == [True]

    async def test_details_after_it(self, book: Book) -> None:
        client = await tell_of_a_client(book)
        client.erasure = None
        sealer = await MemorySubjectKeys().create("alice")
        client.details.clear()
        client.record({PersonalField.NAME: "Alice"}, sealer, book.now)
        await book.take(client)
        found = only(await book.findings(), "erasures are final")
        assert found.position == book.last("ClientDetailsRecorded").position
