"""The verification: one reading of the log, checked and compared with the live read models.

Memory holds the tables but those that only grow, and for each stream and event what the checks
say that they remember: some 0.5 GB for a million events.
"""

from collections.abc import Callable
from contextlib import aclosing

from domain.log import EventLog
from replay.verify.fact import read_fact
from replay.verify.finding import Finding
from replay.verify.live_tables import LiveTables
from replay.verify.log_checking import LogChecking
from replay.verify.report import CheckResult, Report
from replay.verify.table_checking import TableChecking

PAGE = 1_000

Watch = Callable[[int, int], None]
"""Is told after each page the position that was reached, and the one to reach."""


async def verify(log: EventLog, live: LiveTables, watch: Watch) -> Report:
    """Read the log to its head now; the read models are compared as far as each of them has come.

    Raises NoReadModels, and what the log and the live tables raise.
    """
    checking = LogChecking()
    async with aclosing(await TableChecking.begin(live)) as tables:
        head = await log.head()
        events = 0
        async with aclosing(log.read_all(until=head, page_size=PAGE)) as pages:
            async for page in pages:
                facts = [read_fact(recorded) for recorded in page]
                for fact in facts:
                    checking.note(fact)
                await tables.note(facts)
                events += len(facts)
                watch(facts[-1].recorded.position, head)
        compared = await tables.results()
        checks = (*checking.results(), tables.folding(), _within_log(tables, head))
    return Report(head, events, checks, compared, tables.not_recomputed)


def _within_log(tables: TableChecking, head: int) -> CheckResult:
    """A read model that has seen more than there is tells of a log that was cut."""
    found = tuple(
        Finding(name, position, f"it is folded to {position}, the log ends at {head}")
        for name, position in sorted(tables.positions.items())
        if position > head
    )
    return CheckResult("read models end in the log", len(tables.positions), len(found), found)
