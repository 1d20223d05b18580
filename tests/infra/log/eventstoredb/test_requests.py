"""The one regular expression that the server gets."""

import re

from hypothesis import given
from hypothesis import strategies as st

from domain.log import EVERYTHING, EventFilter, category_of
from infra.log.eventstoredb.requests import pattern_of

NAMES = st.text("aB$-|.(^*é", min_size=1, max_size=4)


@given(types=st.frozensets(NAMES, min_size=1, max_size=4), name=NAMES)
def test_types_match_exactly_themselves(types: frozenset[str], name: str) -> None:
    pattern, by_stream = pattern_of(EventFilter(types=types))
    assert not by_stream
    assert bool(re.search(pattern, name)) == (name in types)


@given(
    categories=st.frozensets(NAMES.filter(lambda name: "-" not in name), min_size=1, max_size=4),
    stream=NAMES,
)
def test_categories_match_what_stands_before_the_first_dash(
    categories: frozenset[str], stream: str
) -> None:
    pattern, by_stream = pattern_of(EventFilter(categories=categories))
    assert by_stream
    assert bool(re.search(pattern, stream)) == (category_of(stream) in categories)


@given(name=NAMES)
def test_without_a_filter_only_system_events_are_kept_out(name: str) -> None:
    pattern, by_stream = pattern_of(EVERYTHING)
    assert not by_stream
    assert bool(re.search(pattern, name)) == (not name.startswith("$"))
