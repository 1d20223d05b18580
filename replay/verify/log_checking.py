"""All checks of the log over one reading of it."""

from replay.verify.checks.registry import log_checks
from replay.verify.collected import Collected
from replay.verify.fact import Fact
from replay.verify.finding import MAX_LISTED, Finding
from replay.verify.report import CheckResult


class LogChecking:
    def __init__(self) -> None:
        self._checks = [(check, Collected[Finding](MAX_LISTED)) for check in log_checks()]

    def note(self, fact: Fact) -> None:
        for check, found in self._checks:
            finding = check.note(fact)
            if finding is not None:
                found.add(finding)

    def results(self) -> tuple[CheckResult, ...]:
        """Once, at the end of the log."""
        for check, found in self._checks:
            for finding in check.finish():
                found.add(finding)
        return tuple(
            CheckResult(check.name, check.examined, found.count, tuple(found.listed))
            for check, found in self._checks
        )
