"""Which code this is: recorded with every event, so that a decision can be re-run."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def code_version() -> str:
    """The installed version, or ``source`` when run from a checkout that is not installed."""
    try:
        return version("patriot")
    except PackageNotFoundError:
        return "source"
