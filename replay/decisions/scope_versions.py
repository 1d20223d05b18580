"""Limits and trading state of scopes at their versions."""

import copy
from collections import OrderedDict

from domain.log import EventLog
from domain.risk.risk_limits import RiskLimits
from replay.decisions.versions import at_version

MAX_KEPT = 10_000


class ScopeVersions:
    """Reads a scope's stream on from the version asked for last, and keeps what it read."""

    def __init__(self, log: EventLog, max_kept: int = MAX_KEPT) -> None:
        self._log = log
        self._max_kept = max_kept
        self._kept: OrderedDict[tuple[str, int], RiskLimits] = OrderedDict()
        self._newest: OrderedDict[str, RiskLimits] = OrderedDict()

    async def at(self, scope: str, version: int) -> RiskLimits:
        """Only to be read. Raises NotReplayable."""
        kept = self._kept.get((scope, version))
        if kept is None:
            kept = await at_version(self._log, self._before(scope, version), version)
            self._keep(kept)
        self._kept.move_to_end((scope, version))
        return kept

    def _before(self, scope: str, version: int) -> RiskLimits:
        newest = self._newest.get(scope)
        if newest is None or newest.version > version:
            return RiskLimits.empty(scope)
        return copy.deepcopy(newest)

    def _keep(self, scope: RiskLimits) -> None:
        self._kept[scope.id, scope.version] = scope
        self._newest[scope.id] = scope
        self._newest.move_to_end(scope.id)
        for kept in (self._kept, self._newest):
            if len(kept) > self._max_kept:
                kept.popitem(last=False)
