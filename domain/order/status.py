"""Order status in FIX terms (OrdStatus, tag 39; FIX 4.4 Appendix D)."""

from enum import StrEnum


class OrderStatus(StrEnum):
    """``refused`` (a control of ours) and ``unknown`` (no answer from the venue) are our own."""

    REFUSED = "refused"
    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """Why nothing of an order works at the venue any more."""

    REFUSED = "refused"
    WITHHELD = "withheld"
    ABANDONED = "abandoned"
    REJECTED = "rejected"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
