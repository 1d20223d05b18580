"""An exception in the words of a violation: what was raised, and the way to it in the project."""

import traceback
from collections.abc import Iterator

from tests.simulation.engine.waiting import place


def tell(error: BaseException) -> str:
    """The exceptions of a group one by one, each with the lines of the project that led to it."""
    return "\n".join(_tell_one(leaf) for leaf in _leaves(error))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error


def _tell_one(error: BaseException) -> str:
    frames = traceback.walk_tb(error.__traceback__)
    places = [place(frame.f_code, line) for frame, line in frames]
    way = "".join(f"  at {at}\n" for at in places if at is not None)
    last = "".join(traceback.format_exception_only(error)).rstrip()
    cause = error.__cause__
    because = f"\nbecause of\n{_tell_one(cause)}" if cause is not None else ""
    return f"{way}{last}{because}"
