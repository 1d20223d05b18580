"""What the journal says of one order, working or ended."""

from collections.abc import Sequence
from decimal import Decimal

from adapters.venues.paper.entry import Amended, Busted, Opened, OrderEntry
from domain.decimals import ZERO
from domain.order.terms import OrderTerms
from domain.venue import CancelReport, ExpireReport, FillReport, OrderState, VenueStatus


def newest_order(entries: Sequence[OrderEntry]) -> OrderState | None:
    """The newest order among the entries of one client id, which may have named several."""
    openings = [entry.venue_order_id for entry in entries if isinstance(entry, Opened)]
    return order_state(entries, openings[-1]) if openings else None


def order_state(entries: Sequence[OrderEntry], venue_order_id: str) -> OrderState | None:
    """The order that the venue gave this id."""
    its_own = [entry for entry in entries if entry.venue_order_id == venue_order_id]
    if not its_own:
        return None
    opened, *later = its_own
    assert isinstance(opened, Opened)
    terms = _terms(opened, later)
    status, reason = _status(opened.order.terms.quantity, later)
    return OrderState(
        client_order_id=opened.client_order_id,
        venue_order_id=opened.venue_order_id,
        account_id=opened.account_id,
        status=status,
        cum_quantity=_filled(later),
        reason=reason,
        at=its_own[-1].at,
        terms=terms,
    )


def _terms(opened: Opened, later: Sequence[OrderEntry]) -> OrderTerms:
    amended = [entry.terms for entry in later if isinstance(entry, Amended)]
    return amended[-1] if amended else opened.order.terms


def _filled(later: Sequence[OrderEntry]) -> Decimal:
    return sum((_change(entry) for entry in later), ZERO)


def _change(entry: OrderEntry) -> Decimal:
    """What an entry adds to the quantity filled."""
    match entry:
        case FillReport():
            return entry.quantity
        case Busted():
            return -entry.fill.quantity
        case _:
            return ZERO


def _status(quantity: Decimal, later: Sequence[OrderEntry]) -> tuple[VenueStatus, str]:
    """An order once filled has ended so, even if a bust took some of it back."""
    filled = ZERO
    for entry in later:
        filled += _change(entry)
        match entry:
            case Amended():
                quantity = entry.terms.quantity
            case FillReport() if filled == quantity:
                return VenueStatus.FILLED, ""
            case CancelReport():
                return VenueStatus.CANCELLED, entry.reason
            case ExpireReport():
                return VenueStatus.EXPIRED, ""
    return VenueStatus.WORKING, ""
