"""What ended a core, in one line for the person who started it."""

from collections.abc import Iterator
from typing import NamedTuple

from adapters.venues.paper.journal import JournalFailed
from domain.log import LogError, LogFailed
from domain.venue import VenueUnavailable
from infra.composition.api import CannotListen
from infra.composition.servers import ServerAway
from infra.embedded.errors import DataDirectoryInUse, EmbeddedServerError
from infra.settings import SettingsError
from infra.workers.leadership import LeadershipLost

_AFTER_A_FAILED_LOG = (
    "Nothing more is taken or sent. See to the log's disk and server, then start again: "
    "everything acknowledged is kept."
)

_HINTS: tuple[tuple[type[Exception], str | None], ...] = (
    (SettingsError, "See docs/reference/settings.md."),
    (DataDirectoryInUse, "Stop it, or choose another --data-dir."),
    (EmbeddedServerError, "Everything acknowledged is kept; start again to continue."),
    (ServerAway, "Start it, or correct its address; `patriot doctor` asks all of them."),
    (CannotListen, "Choose another with --port or PATRIOT_PORT; 0 takes a free one."),
    (LogFailed, _AFTER_A_FAILED_LOG),
    (JournalFailed, _AFTER_A_FAILED_LOG),
    (LogError, "Everything acknowledged is kept; start again to continue."),
    (LeadershipLost, "Another instance may lead now; start again to stand by."),
    (VenueUnavailable, "Start again to recover what was missed."),
)
"""What was foreseen, the likeliest cause first: one failure makes others on its way out."""


class Failure(NamedTuple):
    """``was_foreseen`` is false for a defect, whose traceback somebody will want to see."""

    message: str
    hint: str | None
    error: Exception
    was_foreseen: bool


def explain(error: Exception) -> Failure:
    """The likeliest cause among all that an error holds."""
    causes = list(_causes(error))
    for kind, hint in _HINTS:
        for cause in causes:
            if isinstance(cause, kind):
                return Failure(_one_line(cause), hint, cause, was_foreseen=True)
    first = causes[0]
    return Failure(f"{type(first).__name__}: {_one_line(first)}", None, first, was_foreseen=False)


def _causes(error: BaseException) -> Iterator[Exception]:
    """The errors inside groups of groups, and each one's own cause."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    elif isinstance(error, Exception):
        yield error


def _one_line(error: Exception) -> str:
    """An embedded server's error goes on with the end of its log."""
    first, _, rest = str(error).partition("\n")
    return first.removesuffix(" ends:") if rest else first
