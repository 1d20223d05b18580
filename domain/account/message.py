"""An order message: one new or amended order that went towards the venue."""

from datetime import datetime

import msgspec


class OrderMessage(msgspec.Struct, frozen=True, gc=False):
    """``fingerprint`` is what equal orders have in common, None for an amendment."""

    at: datetime
    order_id: str
    fingerprint: str | None
