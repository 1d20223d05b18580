"""The simulation catches every safeguard that is left out."""

import re

import pytest

from tests.simulation.engine.explorer import hunt
from tests.simulation.engine.run import run_seed
from tests.simulation.safeguards import SAFEGUARDS
from tests.simulation.scenario import scenario

SEEDS = range(1, 2_001)

WORKS_UNRESERVED = r"may trade \S+, and \S+ is reserved"

CAUGHT_AS = {
    "the intent is in the log before the send": "is at the venue, and no intent to send it",
    "a fill is booked once per trade id": r"is booked \d+ times",
    "an append needs the version that was read": r"decided as version \d+, stands at version",
    "an order is never sent again blindly": WORKS_UNRESERVED,
    "no answer is not a rejection": WORKS_UNRESERVED,
    "absent now is not absent for ever": WORKS_UNRESERVED,
    "a leader without its lease sends nothing": "which had lost its lease",
    "an unknown order keeps its reservation": WORKS_UNRESERVED,
    "rows and checkpoint are one transaction": "projector ended by an error",
}
"""The harm that each prevents, in the words of the invariant that sees it."""


@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_what_is_left_out_is_caught(safeguard: str) -> None:
    with SAFEGUARDS[safeguard]():
        found = hunt(scenario, SEEDS)
    assert found is not None, "no seed has noticed"
    assert re.search(CAUGHT_AS[safeguard], str(found.violation)), "another harm came first"
    assert run_seed(found.seed, scenario).violation is None, "the seed fails with the safeguard too"
