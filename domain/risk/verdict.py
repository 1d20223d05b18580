"""What one control measured, against which limit, and what it concluded."""

import msgspec


class Verdict(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """``limit`` and ``measured`` are text so that any control can be recorded exactly.

    ``code`` and ``message`` are set where ``passed`` is false.
    """

    control: str
    passed: bool
    scope: str
    limit_version: int
    limit: str | None = None
    measured: str | None = None
    code: str | None = None
    message: str | None = None
