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

    ``decide`` may run several times, each time on a newer state; what it refuses on a cached state
    is decided again on the newest. Raises what ``decide`` and the log raise, and Busy
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
                _give_back_unchanged(repository, aggregate)
                if newest:
                    raise
                newest = True
            else:
                position = appended.position if appended else await repository.head()
                return Done(id=aggregate_id, position=position)
    raise Busy("stream_busy", f"{kind.stream_of(aggregate_id)} is changing too fast; try again")


def _give_back_unchanged(repository: Repository, aggregate: Aggregate) -> None:
    if not aggregate.pending:
        repository.give_back(aggregate)
