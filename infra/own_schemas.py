"""The database schemas that are the core's own: nobody else may make one that is called so.

Each room makes its own; what they are called is known here, so that none takes another's.
"""

import re

NAMES = frozenset(
    {
        "log",
        "market",
        "paper_venue",
        "projections",
        "read",
        "replay",
        "subject_keys",
        "workers",
    }
)

_OF_POSTGRES = frozenset({"information_schema", "public"})
_BUILD = re.compile(r".+_v[0-9]+_[0-9]+", re.ASCII)


def build_schema(projection: str, version: int, number: int) -> str:
    """Of one build of a projection."""
    return f"{projection}_v{version}_{number}"


def is_own(name: str) -> bool:
    """Whether it is, or may come to be, the core's, or is PostgreSQL's: also one that no projection
    is called like now, as the next release may have it."""
    return (
        name in NAMES
        or name in _OF_POSTGRES
        or name.startswith("pg_")
        or _BUILD.fullmatch(name) is not None
    )
