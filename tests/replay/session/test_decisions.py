"""Every decision of a whole session, taken again: none differs."""

import psycopg

from tests.infra.cli.running import CommandLine
from tests.replay.session.recorded import RecordedSession

_DECIDED = """
select count(*) from log.events
where type in ('OrderPlaced', 'OrderRefused', 'OrderAmendRequested')
"""


def test_what_was_decided_is_decided_again(patriot: CommandLine, session: RecordedSession) -> None:
    with psycopg.connect(session.dsn) as connection:
        (decided,) = connection.execute(_DECIDED).fetchone() or (0,)
    ended = patriot("replay", "decisions", "--json")
    assert ended.code == 0, ended
    report = ended.json
    assert report["decisions"] == report["replayed"] == decided > 50
    assert (report["differing"], report["not_replayable"]) == (0, 0)
