"""Query parameters that many reads share."""

from pydantic import BaseModel, ConfigDict

from api.fields import AsOf, PageLimit, Position


class Parameters(BaseModel):
    """Base of query parameters: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(Parameters):
    """``at_least`` waits until the read model has seen this log position."""

    at_least: Position | None = None
    as_of: AsOf = None


class Listing(Reading):
    """``cursor`` is the ``next_cursor`` of the page before."""

    cursor: str | None = None
    limit: PageLimit = 50
