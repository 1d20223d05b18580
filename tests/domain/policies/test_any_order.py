"""Whatever happens, however often and by whomever it is handled: the log becomes the same."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account.account import Account
from domain.errors import Refused
from domain.log import LogUnavailable
from domain.order.order import Order
from domain.order.terms import OrderType, Side, TimeInForce
from domain.policies.trailing_stop import POLL
from tests.domain.execution.sent import a_world
from tests.domain.policies.desk import ABLE, BARE, OCO, PolicyDesk, accept, record
from tests.domain.world import NOON, Process, World, a_fill, a_quote, terms_of

KINDS = {
    "limit": terms_of(),
    "oco": OCO,
    "gtd": terms_of(time_in_force=TimeInForce.GTD, expire_at=NOON + timedelta(seconds=40)),
    "trailing": terms_of(OrderType.TRAILING_STOP, Side.SELL, trailing_offset="5"),
    "gtd oco": msgspec.structs.replace(
        OCO, time_in_force=TimeInForce.GTD, expire_at=NOON + timedelta(seconds=20)
    ),
}

Step = tuple[str, object, object]

STEPS = st.lists(
    st.tuples(
        st.just("place"), st.sampled_from(sorted(KINDS)), st.sampled_from(["whole", "cut", "cut2"])
    )
    | st.tuples(
        st.just("fact"),
        st.integers(0, 7),
        st.sampled_from(
            ["accept", "fill", "part", "trigger", "cancel", "reject", "amend", "refuse", "bust"]
        ),
    )
    | st.tuples(st.just("time"), st.integers(1, 40), st.none())
    | st.tuples(st.just("quote"), st.integers(95, 130), st.none()),
    min_size=1,
    max_size=14,
)

REPLAYS = st.lists(st.booleans(), min_size=14, max_size=14)
PAUSES = st.lists(st.integers(0, 4), min_size=40, max_size=40)


class Story:
    """A world in which the steps of a script happen; policies hear of them after each.

    Each takes a second, after which trailing stops look at the market again: one that looked more
    often, as a desk that begins anew does, would see a market that the other does not.
    """

    def __init__(self, world: World, account_id: str) -> None:
        self.world = world
        self.account_id = account_id
        self.order_ids: list[str] = []

    async def happen(self, step: Step) -> None:
        self._pass(POLL)
        world = self.world
        match step:
            case ("place", str(kind), str(how)):
                await self._place(kind, how)
            case ("fact", int(index), str(fact)) if self.order_ids:
                await self._fact(self.order_ids[index % len(self.order_ids)], fact)
            case ("time", int(seconds), _):
                self._pass(timedelta(seconds=seconds))
            case ("quote", int(bid), _):
                world.quotes["BTCUSDT"] = a_quote(f"{bid}", f"{bid + 1}", at=world.clock.at)

    def _pass(self, time: timedelta) -> None:
        self.world.clock.at += time
        quote = self.world.quotes["BTCUSDT"]
        self.world.quotes["BTCUSDT"] = msgspec.structs.replace(quote, at=self.world.clock.at)

    async def _place(self, kind: str, how: str) -> None:
        """Whole, or cut off after the reservation or after the first order."""
        world, log = self.world, self.world.here.log
        left = {"whole": 9, "cut": 1, "cut2": 2}[how]
        append = log.append

        async def dying(*args, **options):  # type: ignore[no-untyped-def]  # as the port
            nonlocal left
            left -= 1
            if left < 0:
                raise LogUnavailable("gone")
            return await append(*args, **options)

        log.append = dying  # type: ignore[method-assign]
        try:
            answer = await world.place(self.account_id, KINDS[kind], str(len(self.order_ids)))
            self.order_ids += [i for i in (answer.order_id, answer.linked_order_id) if i]
        except (LogUnavailable, Refused):
            pass
        finally:
            log.append = append  # type: ignore[method-assign]

    async def _fact(self, order_id: str, fact: str) -> None:
        order = await self.world.order(order_id)
        if fact == "accept" and order.is_live:
            await accept(self.world, order_id)
        elif order.exists and order.submitted:
            await record(self.world, order_id, lambda each: self._apply(each, fact))

    def _apply(self, order: Order, fact: str) -> None:
        now, leaves = self.world.clock.now(), order.leaves_quantity
        quantity = {"fill": leaves, "part": leaves / 2}.get(fact, Decimal(0))
        match fact:
            case "fill" | "part" if quantity:
                number = str(order.last_execution + 1)
                order.fill(a_fill(order, number, quantity, "100", at=now), now)
            case "trigger":
                order.trigger(Decimal(90), now, now)
            case "cancel":
                order.cancel("user", now)
            case "reject" if not order.fills:
                order.reject("no", "no", now)
            case "amend":
                order.amend(now)
            case "refuse":
                order.reject_amend("no", "no", now)
            case "bust" if order.fills:
                order.bust_fill(next(iter(order.fills)), "x", now)


async def begin(able: bool) -> tuple[Story, list[PolicyDesk]]:
    world, account_id = await a_world(processes=3)
    capabilities = ABLE if able else BARE
    desks = [PolicyDesk(world, process, capabilities) for process in world.processes[1:]]
    return Story(world, account_id), desks


async def told(steps: Sequence[Step], able: bool) -> Story:
    """The policies run after each step, once."""
    story, (desk, _) = await begin(able)
    for step in steps:
        await story.happen(step)
        await desk.run()
    await desk.after(120)
    return story


def by_stream(world: World) -> dict[str, list[tuple[str, bytes]]]:
    return {
        stream: [(each.type, each.data) for each in events]
        for stream, events in world.store.streams.items()
    }


def slow(process: Process, pauses: list[int]) -> None:
    """Appends of a process take their time: others come in between."""
    append, number = process.log.append, 0

    async def slowly(*args, **options):  # type: ignore[no-untyped-def]  # as the port
        nonlocal number
        number += 1
        for _ in range(pauses[number % len(pauses)]):
            await asyncio.sleep(0)
        return await append(*args, **options)

    process.log.append = slowly  # type: ignore[method-assign]


@settings(deadline=None, max_examples=60)
@given(STEPS, REPLAYS, st.booleans())
def test_handled_again_from_the_start_at_any_time(
    steps: list[Step], replays: list[bool], able: bool
) -> None:
    async def with_replays() -> Story:
        story, (desk, _) = await begin(able)
        for step, replay in zip(steps, replays, strict=False):
            await story.happen(step)
            await desk.run()
            if replay:
                again = PolicyDesk(story.world, story.world.processes[2], ABLE if able else BARE)
                await again.run()
        await desk.after(120)
        return story

    once, often = asyncio.run(told(steps, able)), asyncio.run(with_replays())
    assert by_stream(once.world) == by_stream(often.world)


@settings(deadline=None, max_examples=60)
@given(STEPS, PAUSES, st.booleans())
def test_handled_by_two_processes_at_once(steps: list[Step], pauses: list[int], able: bool) -> None:
    async def by_two() -> Story:
        story, desks = await begin(able)
        slow(story.world.processes[1], pauses)
        slow(story.world.processes[2], pauses[::-1])
        for step in steps:
            await story.happen(step)
            await asyncio.gather(*(desk.run() for desk in desks))
        story.world.clock.at += timedelta(seconds=120)
        await asyncio.gather(*(desk.after(0) for desk in desks))
        return story

    once, twice = asyncio.run(told(steps, able)), asyncio.run(by_two())
    assert by_stream(once.world) == by_stream(twice.world)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.booleans())
def test_what_must_hold_once_all_is_handled(steps: list[Step], able: bool) -> None:
    story = asyncio.run(told(steps, able))
    asyncio.run(check(story))


async def check(story: Story) -> None:
    account = await story.world.load(Account, story.account_id)
    for held in account.reservations.values():
        assert (await story.world.order(held.order_id)).may_work
    for order_id in story.order_ids:
        order = await story.world.order(order_id)
        if not order.is_live:
            continue
        assert order_id in account.reservations
        expected_off = order.terms.expire_at is not None
        if order.linked_order_id is not None:
            partner = await story.world.order(order.linked_order_id)
            touched = partner.fills or partner.busted or partner.triggered or not partner.is_live
            expected_off = expected_off or bool(touched)
        assert not expected_off or order.pending_cancel is not None
    flagged = [e for e in story.world.store.events if e.type == "OcoBothFilled"]
    assert len(account.both_filled) == 2 * len(flagged)


async def test_a_conflict_is_an_answer() -> None:
    """Between the look and the request, somebody else cancels."""
    story, (desk, _) = await begin(able=False)
    for step in (("place", "oco", "whole"), ("fact", 0, "accept"), ("fact", 1, "accept")):
        await story.happen(step)
    await desk.run()
    other = story.order_ids[1]
    cancel = desk.process.orders.cancel

    async def late(request, context):  # type: ignore[no-untyped-def]  # as the desk
        await record(story.world, other, lambda order: order.request_cancel("mine", "x", NOON))
        return await cancel(request, context)

    desk.process.orders.cancel = late  # type: ignore[method-assign]  # the race is the test
    await story.happen(("fact", 0, "fill"))
    await desk.run()
    order = await story.world.order(other)
    assert order.pending_cancel == "mine"
