"""What a verification looked at and what it found."""

import msgspec

from replay.verify.finding import Difference, Finding


class CheckResult(msgspec.Struct, frozen=True):
    """``findings`` counts all; at most MAX_LISTED of them are ``listed``."""

    check: str
    examined: int
    findings: int
    listed: tuple[Finding, ...]


class TableResult(msgspec.Struct, frozen=True):
    """``rows`` is how many the log makes of it, as of ``position``."""

    table: str
    position: int
    rows: int
    differences: int
    listed: tuple[Difference, ...]


class Report(msgspec.Struct, frozen=True):
    """``not_recomputed`` are folds of the log that this code does not know."""

    head: int
    events: int
    checks: tuple[CheckResult, ...]
    tables: tuple[TableResult, ...]
    not_recomputed: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not any(check.findings for check in self.checks) and not any(
            table.differences for table in self.tables
        )
