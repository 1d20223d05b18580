"""A venue without a capability rejects what would need it, and nothing else."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.venues.paper.book import Book
from adapters.venues.paper.engine import ALL_CAPABILITIES, MatchingEngine
from adapters.venues.paper.venue import PaperVenue
from domain.venue import Accepted, Capabilities, Rejected, VenueOrder
from tests.adapters.venues.paper.scenario import FEES, INSTRUMENTS, START, terms
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal

CASES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "good_till_date",
        "limit",
        {
            "limit_price": "9",
            "time_in_force": "gtd",
            "expire_at": START + timedelta(days=1),
        },
    ),
    ("trailing_stops", "trailing_stop", {"trailing_offset": Decimal(1)}),
    ("linked_orders", "limit", {"limit_price": "9"}),
]


def without(*names: str) -> Capabilities:
    return msgspec.structs.replace(ALL_CAPABILITIES, **dict.fromkeys(names, False))


@pytest.mark.parametrize(("capability", "type_", "fields"), CASES)
def test_only_what_needs_it_is_rejected(
    capability: str, type_: str, fields: dict[str, Any]
) -> None:
    linked = "y" if capability == "linked_orders" else None
    order = VenueOrder("x", "a", terms("buy", type_, "1", **fields), linked)
    for other, _, _ in CASES:
        engine = MatchingEngine(Book(), INSTRUMENTS, FEES, without(other))
        outcome = engine.submit(order, START).outcome
        if other == capability:
            assert isinstance(outcome, Rejected)
            assert outcome.code == "unsupported_type"
        else:
            assert isinstance(outcome, Accepted)


async def test_a_venue_says_what_it_was_opened_with() -> None:
    capabilities = without("linked_orders")
    venue = await PaperVenue.open(
        MemoryPaperJournal(), INSTRUMENTS, FEES, ManualClock(), capabilities
    )
    assert venue.capabilities == capabilities
