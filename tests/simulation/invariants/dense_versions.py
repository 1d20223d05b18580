"""Every event was decided on the state that it follows: the version it bears is where it stands."""

from collections.abc import Iterator

from projections.projection import Fact


def on_event(fact: Fact) -> Iterator[str]:
    decided, stands = fact.event.originator_version, fact.recorded.version
    if decided != stands:
        yield f"{fact.recorded.stream}: decided as version {decided}, stands at version {stands}"
