"""Query parameters that many reads share."""

from pydantic import BaseModel, ConfigDict

from api.fields import AsOf, PageLimit, Position


class Parameters(BaseModel):
    """Base of query parameters: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(Parameters):
    """``at_least`` waits until the read model has seen this log position. ``as_of`` is a position
    of the log, or an instant with a time zone: the answer is what stood there, and its header
    ``Log-Position`` tells where that is. There is nothing to wait for in the past."""

    at_least: Position | None = None
    as_of: AsOf | None = None


class Paging(Parameters):
    """``cursor`` is the ``next_cursor`` of the page before."""

    cursor: str | None = None
    limit: PageLimit = 50


class ReadingPages(Reading, Paging):
    """Pages, as they are or as they were. A cursor of the past goes with the same ``as_of``."""
