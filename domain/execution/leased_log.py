"""The log as a leader sees it: nothing is appended once the lease may be lost."""

from collections.abc import Sequence

from domain.execution.lease import Lease, require
from domain.forwarding_log import ForwardingLog
from domain.log import Appended, EventLog, NewEvent


class LeasedLog(ForwardingLog):
    """An EventLog whose ``append`` raises LeaseLost without a lease.

    An append that was on its way when the lease ran out can still arrive: the expected version is
    what makes it harmless, for the next leader has changed every stream the old one was about to.
    """

    def __init__(self, log: EventLog, lease: Lease) -> None:
        super().__init__(log)
        self._lease = lease

    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        require(self._lease)
        return await super().append(stream, events, expected_version=expected_version)
