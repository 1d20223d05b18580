"""Processes: killed at any await, stopped and continued, started again."""

import asyncio
from contextlib import suppress
from uuid import UUID

import pytest

from domain.log import NewEvent
from tests.simulation.engine.process import Process
from tests.simulation.engine.rates import FaultRates
from tests.simulation.engine.run import Outcome, Scenario, run_seed
from tests.simulation.engine.simulation import Phase, Simulation

HEALTHY = FaultRates(latency_seconds=0.001)


def play(scenario: Scenario, *, traced: bool = False) -> Outcome:
    outcome = run_seed(1, scenario, rates=HEALTHY, traced=traced)
    assert outcome.violation is None
    return outcome


def event(simulation: Simulation, kind: str) -> NewEvent:
    return NewEvent(simulation.ids.new(), kind, b"{}", b"{}")


async def settle(simulation: Simulation) -> None:
    await simulation.clock.sleep(10)


class Writer:
    """Appends three events to a stream of its own life, and one more on its way out."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.reached: list[str] = []
        self.lives = 0

    async def run(self) -> None:
        self.lives += 1
        stream = f"life-{self.lives}"
        log = self.simulation.log("writer")
        try:
            for version in range(3):
                async for _page in log.read_stream(stream):
                    pass
                new = event(self.simulation, "Done")
                await log.append(stream, [new], expected_version=version)
                self.reached.append(f"{stream}/{version + 1}")
        finally:
            await self.simulation.alive_or_hang()
            self.reached.append(f"{stream}/out")
            new = event(self.simulation, "Out")
            await log.append(stream, [new], expected_version=3)


@pytest.mark.parametrize("steps", range(1, 30))
def test_killed_at_any_await_it_does_nothing_more_and_a_new_life_does_all(steps: int) -> None:
    async def scenario(simulation: Simulation) -> None:
        writer = Writer(simulation)
        process = simulation.spawn("writer", writer.run)
        process.kill_after(steps)
        await process.ended()
        process.kill()
        before = list(writer.reached)
        await settle(simulation)
        assert writer.reached == before
        assert len(simulation.log_store.streams.get("life-1", [])) <= len(before) + 1
        process.restart()
        await settle(simulation)
        assert writer.reached[len(before) :] == ["life-2/1", "life-2/2", "life-2/3", "life-2/out"]
        assert len(simulation.log_store.streams["life-2"]) == 4

    play(scenario)


def test_the_kills_above_meet_the_writer_at_all_of_its_awaits() -> None:
    def reached(steps: int) -> str:
        outcome: list[str] = []

        async def scenario(simulation: Simulation) -> None:
            writer = Writer(simulation)
            process = simulation.spawn("writer", writer.run)
            process.kill_after(steps)
            await process.ended()
            outcome.extend([*writer.reached, str(process.alive)])

        play(scenario)
        return outcome[-2] + outcome[-1] if len(outcome) > 1 else "begun" + outcome[-1]

    assert {reached(steps) for steps in range(1, 30)} == {
        "begunFalse",
        "life-1/1False",
        "life-1/2False",
        "life-1/outFalse",
        "life-1/outTrue",
    }


def test_what_was_sent_before_death_still_arrives() -> None:
    async def scenario(simulation: Simulation) -> None:
        log = simulation.log("writer")

        async def write() -> None:
            await log.append("order-1", [event(simulation, "Sent")], expected_version=0)

        for delay in range(40):
            process = simulation.spawn(f"writer-{delay}", write)
            await simulation.clock.sleep(delay * 0.0001)
            process.kill()
            if simulation.log_store.events:
                return
            await settle(simulation)
            if simulation.log_store.events:
                simulation.reached("arrived after death")
                assert simulation.faults["log/answer_unheard"] == 1
                return

    assert play(scenario).states["arrived after death"] == 1


def test_all_tasks_of_a_process_die_with_it() -> None:
    ticks: list[str] = []

    async def scenario(simulation: Simulation) -> None:
        async def tick(name: str) -> None:
            while True:
                await simulation.clock.sleep(1)
                ticks.append(name)

        async def parent() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(child("a"))
                group.create_task(child("b"))

        async def child(name: str) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(tick(name))

        process = simulation.spawn("parent", parent)
        other = simulation.spawn("other", lambda: tick("other"))
        await simulation.clock.sleep(2.5)
        process.kill()
        await simulation.clock.sleep(2)
        assert other.alive

    play(scenario)
    assert sorted(ticks) == ["a", "a", "b", "b", "other", "other", "other", "other"]


def test_a_dead_task_waits_in_its_finally_for_ever() -> None:
    ran: list[str] = []

    async def scenario(simulation: Simulation) -> None:
        async def stubborn() -> None:
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        async def tidy() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await simulation.clock.sleep(1)
                ran.append("slept")

        simulation.spawn("stubborn", stubborn)
        simulation.spawn("tidy", tidy)
        await simulation.clock.sleep(1)
        for process in simulation.processes.values():
            process.kill()
        await settle(simulation)

    play(scenario)
    assert ran == []


def test_a_process_may_kill_itself() -> None:
    ran: list[str] = []

    async def scenario(simulation: Simulation) -> None:
        async def die() -> None:
            simulation.processes["lemming"].kill()
            await asyncio.sleep(0)
            ran.append("on")

        process = simulation.spawn("lemming", die)
        await process.ended()

    play(scenario)
    assert ran == []


def test_paused_it_stands_still_while_time_goes_on() -> None:
    ticks: list[float] = []

    async def scenario(simulation: Simulation) -> None:
        async def tick() -> None:
            for _ in range(4):
                await simulation.clock.sleep(1)
                ticks.append(round(simulation.clock.monotonic(), 3))

        process = simulation.spawn("ticker", tick)
        await simulation.clock.sleep(1.5)
        process.pause()
        await simulation.clock.sleep(10)
        assert process.paused
        process.resume()
        await process.ended()

    play(scenario)
    assert ticks == [1.0, 11.5, 12.5, 13.5]


def test_an_append_issued_before_a_pause_lands_during_it_or_after_it() -> None:
    def landed(delay: float) -> tuple[int, int]:
        counts: list[int] = []

        async def scenario(simulation: Simulation) -> None:
            log = simulation.log("writer")

            async def write() -> None:
                await log.append("order-1", [event(simulation, "Sent")], expected_version=0)

            process = simulation.spawn("writer", write)
            await simulation.clock.sleep(delay)
            process.pause()
            counts.append(len(simulation.log_store.events))
            await simulation.clock.sleep(60)
            counts.append(len(simulation.log_store.events))
            process.resume()
            await process.ended()
            assert len(simulation.log_store.events) == 1

        play(scenario)
        return counts[0], counts[1]

    seen = {landed(step * 0.0001) for step in range(40)}
    assert seen == {(0, 0), (0, 1), (1, 1)}


def test_a_paused_process_can_be_killed_and_started_again() -> None:
    async def scenario(simulation: Simulation) -> None:
        writer = Writer(simulation)
        process = simulation.spawn("writer", writer.run)
        process.pause()
        await simulation.clock.sleep(1)
        process.restart()
        assert process.incarnation == 2
        await process.ended()
        assert writer.reached[-1] == "life-1/out"  # the first never took a step

    outcome = play(scenario, traced=True)
    assert {"process/killed", "process/paused", "process/restarted"} <= set(outcome.faults)
    assert any(step.process == "writer#2" for step in outcome.trace)


def test_a_process_that_ends_by_an_error_is_a_violation() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    async def scenario(simulation: Simulation) -> None:
        simulation.spawn("core", fail)
        await settle(simulation)

    told = run_seed(1, scenario).violation
    assert told is not None
    assert told.startswith("core ended by an error\n")
    assert told.endswith("ValueError: broken")


def test_healing_wakes_the_paused_and_starts_the_dead() -> None:
    lives: list[str] = []

    async def scenario(simulation: Simulation) -> None:
        def start(name: str) -> Process:
            async def live() -> None:
                lives.append(name)
                await simulation.clock.sleep(1)
                lives.append(f"{name} done")

            return simulation.spawn(name, live)

        paused, dead = start("paused"), start("dead")
        await simulation.clock.sleep(0.5)
        paused.pause()
        dead.kill()
        simulation.on_heal(lambda: lives.append("healed"))
        simulation.heal()
        assert simulation.phase is Phase.LIVENESS
        assert not simulation.strikes("venue/down", 1.0)
        await settle(simulation)

    play(scenario)
    assert sorted(lives[:2]) == ["dead", "paused"]
    assert lives[2] == "healed"
    assert sorted(lives[3:]) == ["dead", "dead done", "paused done"]


def test_a_name_is_given_once() -> None:
    async def scenario(simulation: Simulation) -> None:
        async def nothing() -> None: ...

        simulation.spawn("core", nothing)
        with pytest.raises(ValueError, match="restart it"):
            simulation.spawn("core", nothing)

    play(scenario)


def test_ids_are_of_the_seed() -> None:
    def ids(seed: int) -> list[UUID]:
        drawn: list[UUID] = []

        async def scenario(simulation: Simulation) -> None:
            drawn.extend(simulation.ids.new() for _ in range(3))

        run_seed(seed, scenario)
        return drawn

    assert ids(1) == ids(1)
    assert not set(ids(1)) & set(ids(2))
