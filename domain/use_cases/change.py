"""Load, decide, append; and decide anew when the log has moved on meanwhile."""

from collections.abc import Callable

from domain.aggregate import Aggregate
from domain.command import CommandContext
from domain.errors import Busy, Refused
from domain.log import WrongExpectedVersion
from domain.repository import AnyAggregate, Repository
from domain.use_cases.result import Done

MAX_RACES = 20
"""How often a change is decided anew after losing the race for a stream."""


async def change(
    repository: Repository,
    kind: type[AnyAggregate],
    aggregate_id: str,
    decide: Callable[[AnyAggregate], None],
    context: CommandContext,
) -> Done:
    """Change one aggregate, whoever else changes it at the same time.

    ``decide`` may run several times, each time on a newer state; where it refuses, or decides
    nothing, on a cached state, it decides again on the newest: only an append proves that the
    state it was decided on is current. Raises what ``decide`` and the log raise, and Busy
    ``stream_busy``.
    """
    newest = False
    async with repository.turn(kind.stream_of(aggregate_id)):
        for _ in range(MAX_RACES):
            aggregate = await repository.load(kind, aggregate_id, newest=newest)
            try:
                decide(aggregate)
                appended = await repository.save(aggregate, context)
            except WrongExpectedVersion:
                newest = True
            except Refused:
                give_back_unchanged(repository, aggregate)
                if newest:
                    raise
                newest = True
            else:
                if appended is not None:
                    return Done(id=aggregate_id, position=appended.position)
                if newest:
                    return Done(id=aggregate_id, position=await repository.head())
                newest = True
    raise Busy("stream_busy", f"{kind.stream_of(aggregate_id)} is changing too fast; try again")


def give_back_unchanged(repository: Repository, aggregate: Aggregate) -> None:
    """Keep an aggregate in the cache whose command was refused before it decided anything."""
    if not aggregate.pending:
        repository.give_back(aggregate)
