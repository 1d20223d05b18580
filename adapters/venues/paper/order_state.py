"""What the journal says of one order, working or ended."""

from collections.abc import Sequence
from decimal import Decimal

from adapters.venues.paper.entry import Amended, Entry, Opened
from domain.decimals import ZERO
from domain.venue import CancelReport, ExpireReport, FillReport, OrderState, VenueStatus


def order_state(entries: Sequence[Entry]) -> OrderState | None:
    """The newest order among the entries of one client id, which may have named several."""
    openings = [index for index, entry in enumerate(entries) if isinstance(entry, Opened)]
    if not openings:
        return None
    opened, *later = entries[openings[-1] :]
    assert isinstance(opened, Opened)
    filled = sum((e.quantity for e in later if isinstance(e, FillReport)), ZERO)
    status, reason = _status(_quantity(opened, later), filled, later)
    return OrderState(
        client_order_id=opened.client_order_id,
        venue_order_id=opened.venue_order_id,
        account_id=opened.account_id,
        status=status,
        cum_quantity=filled,
        reason=reason,
        at=(later[-1] if later else opened).at,
    )


def _quantity(opened: Opened, later: Sequence[Entry]) -> Decimal:
    amended = [entry.terms.quantity for entry in later if isinstance(entry, Amended)]
    return amended[-1] if amended else opened.order.terms.quantity


def _status(quantity: Decimal, filled: Decimal, later: Sequence[Entry]) -> tuple[VenueStatus, str]:
    if filled == quantity:
        return VenueStatus.FILLED, ""
    for entry in later:
        if isinstance(entry, CancelReport):
            return VenueStatus.CANCELLED, entry.reason
        if isinstance(entry, ExpireReport):
            return VenueStatus.EXPIRED, ""
    return VenueStatus.WORKING, ""
