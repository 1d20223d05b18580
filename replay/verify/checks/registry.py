"""All checks of the log, in the order of their meaning."""

from replay.verify.checks.causation import CausationCheck
from replay.verify.checks.check import Check
from replay.verify.checks.correlation import CorrelationCheck
from replay.verify.checks.decoding import DecodingCheck
from replay.verify.checks.epochs import EpochsCheck
from replay.verify.checks.erasures import ErasuresCheck
from replay.verify.checks.executions import ExecutionsCheck
from replay.verify.checks.halts import HaltsCheck
from replay.verify.checks.orphans import OrphansCheck
from replay.verify.checks.positions import PositionsCheck
from replay.verify.checks.versions import VersionsCheck


def log_checks() -> tuple[Check, ...]:
    return (
        PositionsCheck(),
        VersionsCheck(),
        DecodingCheck(),
        CausationCheck(),
        CorrelationCheck(),
        ExecutionsCheck(),
        OrphansCheck(),
        HaltsCheck(),
        EpochsCheck(),
        ErasuresCheck(),
    )
