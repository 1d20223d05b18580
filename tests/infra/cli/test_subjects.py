"""``patriot subject`` on a real log and real keys."""

import asyncio
import json
import signal
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path

import psycopg
import pytest

from domain.event import Event
from infra.log.postgres.log import PostgresEventLog
from infra.subject_keys.master_key_file import FILE_NAME
from tests.end_to_end.crash import armed
from tests.end_to_end.process import patriot as run_apart
from tests.infra.cli.running import CommandLine
from tests.infra.docs.pages import ROOT, console_lines, words
from tests.projections.history import History, append_all

PAGE = ROOT / "docs" / "how-to" / "erase_a_subject.md"
EVENTS = 60
ALICE = {"name": "Alice Liddell", "email": "alice@example.com", "phone": "+351912345678"}


@pytest.fixture
def servers(postgres_dsn: str, redis_url: str) -> dict[str, str]:
    """Of a log with some events of others."""
    asyncio.run(_append(postgres_dsn, sound_events()))
    return {"PATRIOT_POSTGRES_DSN": postgres_dsn, "PATRIOT_REDIS_URL": redis_url}


def sound_events() -> list[tuple[str, Event]]:
    """In which verification finds nothing: no order of a history goes all of its way."""
    history, events = History(5), list[tuple[str, Event]]()
    while len(events) < EVENTS:
        history.deposit()
        history.adjust_position()
        events += history.taken()
    return events[:EVENTS]


async def _append(dsn: str, events: Sequence[tuple[str, Event]]) -> None:
    async with PostgresEventLog.open(dsn) as log:
        await append_all(log, events)


@pytest.fixture
def command(
    patriot: CommandLine, servers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """In a directory with Alice's details in a file."""
    patriot.set_environment(**servers)
    (tmp_path / "alice.json").write_text(json.dumps(ALICE))
    monkeypatch.chdir(tmp_path)
    return patriot


@pytest.fixture
def recorded(command: CommandLine) -> CommandLine:
    ended = command("subject", "record", "alice", "--from", "alice.json")
    assert ended.code == 0, ended.err
    return command


def on_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(content)))


def test_the_page_works_as_it_stands(command: CommandLine) -> None:
    assert command("recover").code == 0
    lines = console_lines(PAGE)
    printed = []
    for line in lines:
        ended = command(*words(line))
        assert ended.code == 0, (line, ended.err)
        printed.append(ended.out)
        assert not any(value in ended.err for value in ALICE.values())
    recorded, shown, erased, gone, verified, rewrapped = printed
    told = recorded + erased + gone + verified + rewrapped
    assert "alice" in recorded
    assert not any(value in told for value in ALICE.values())
    assert all(value in shown for value in ALICE.values())
    assert "alice is erased" in erased
    assert gone.count("erased") >= len(ALICE)
    assert "request 17" in gone


def test_for_machines(recorded: CommandLine) -> None:
    shown = recorded("subject", "show", "alice", "--json").json
    assert (shown["status"], shown["details"], shown["erasure"]) == ("recorded", ALICE, None)
    erased = recorded("subject", "erase", "alice", "--reason", "asked", "--json").json
    assert (erased["status"], erased["already"], erased["reason"]) == ("erased", False, "asked")
    again = recorded("subject", "erase", "alice", "--reason", "again", "--json").json
    assert again == {**erased, "already": True}
    assert "was already erased" in recorded("subject", "erase", "alice", "--reason", "again").out
    shown = recorded("subject", "show", "alice", "--json").json
    assert (shown["status"], shown["details"]) == ("erased", dict.fromkeys(ALICE, "erased"))
    assert shown["erasure"] == {
        "reason": "asked",
        "requested_at": erased["requested_at"],
        "erased_at": erased["erased_at"],
    }


def test_from_standard_input(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b'{"name": "Bob"}', b'{"telegram": "@bob_the_second"}', b'{"name": null}'):
        on_standard_input(monkeypatch, content)
        assert command("subject", "record", "bob").code == 0
    shown = command("subject", "show", "bob", "--json").json
    assert shown["details"] == {"telegram": "@bob_the_second"}


def test_who_acts_is_recorded(recorded: CommandLine, servers: dict[str, str]) -> None:
    recorded("subject", "erase", "alice", "--reason", "asked", "--by", "officer")
    with psycopg.connect(servers["PATRIOT_POSTGRES_DSN"]) as connection:
        found = connection.execute(
            "select type, metadata->'actor'->>'id' from log.readable_events"
            " where stream = 'client-alice' order by version"
        ).fetchall()
    assert found == [
        ("ClientDetailsRecorded", "cli"),
        ("SubjectErasureRequested", "officer"),
        ("SubjectErased", "officer"),
    ]


REFUSED: dict[str, tuple[list[str], bytes, int, str]] = {
    "never recorded": (["show", "bob"], b"", 1, "subject_not_found"),
    "nobody to erase": (["erase", "bob", "--reason", "r"], b"", 1, "subject_not_found"),
    "no pseudonym": (["show", "alice@example.com"], b"", 2, "invalid_subject"),
    "no reason": (["erase", "alice", "--reason", ""], b"", 2, "invalid_reason"),
    "no such file": (["record", "bob", "--from", "none.json"], b"", 2, "cannot be read"),
    "a directory": (["record", "bob", "--from", "."], b"", 2, "cannot be read"),
    "nothing": (["record", "bob"], b"", 2, "invalid_details"),
    "no JSON": (["record", "bob"], b"Secret Name", 2, "invalid_details"),
    "no UTF-8": (["record", "bob"], b'{"name": "\xff Secret Name"}', 2, "invalid_details"),
    "no object": (["record", "bob"], b'["Secret Name"]', 2, "invalid_details"),
    "no text": (["record", "bob"], b'{"name": ["Secret Name"]}', 2, "invalid_details"),
    "a field that is not kept": (["record", "bob"], b'{"iban": "Secret Name"}', 2, "telegram"),
    "no details": (["record", "bob"], b"{}", 2, "no_details"),
    "no e-mail address": (["record", "bob"], b'{"email": "Secret Name"}', 2, "invalid_detail"),
    "nobody acts": (["erase", "alice", "--reason", "r", "--by", ""], b"", 2, "--by"),
    "too long": (["record", "bob"], b'{"name": "' + b"x" * 70_000 + b'"}', 2, "invalid_details"),
}


def test_what_is_refused(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, given, code, said in REFUSED.values():
        on_standard_input(monkeypatch, given)
        ended = command("subject", *arguments)
        assert (ended.code, ended.out) == (code, ""), arguments
        assert said in ended.err, arguments
        assert "Secret" not in ended.err
    assert command("subject").code == 2
    assert command("subject", "erase", "alice").code == 2


def test_nothing_is_in_clear_anywhere(
    recorded: CommandLine,
    servers: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert recorded("recover").code == 0
    assert recorded("rebuild", "--as-of", str(EVENTS + 1), "--into", "past").code == 0
    assert not recorded("subject", "show", "alice").err
    with psycopg.connect(servers["PATRIOT_POSTGRES_DSN"]) as connection:
        tables = connection.execute(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
            " where schemaname !~ '^(pg_|information_schema)'"
        ).fetchall()
        content = "\n".join(
            str(row) for (table,) in tables for row in connection.execute(f"select * from {table}")
        )
    assert "client-alice" in content
    assert "SubjectErased" not in content
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    content += "\n".join(path.read_text() for path in files)
    erased = recorded("subject", "erase", "alice", "--reason", "asked")
    content += erased.out + erased.err + caplog.text
    assert not [value for value in ALICE.values() if value in content]


def test_the_past_is_the_same_before_and_after(recorded: CommandLine) -> None:
    assert recorded("recover").code == 0
    cut = str(EVENTS + 1)
    asked = ("--as-of", cut, "--json")
    before = [recorded("state", "client-alice", *asked), recorded("verify", "--json")]
    made = recorded("rebuild", "--into", "before", *asked).json
    assert recorded("subject", "erase", "alice", "--reason", "asked").code == 0
    after = [recorded("state", "client-alice", *asked), recorded("verify", "--json")]
    assert before[0] == after[0]
    assert before[0].json["state"]["reads_as"] == dict.fromkeys(ALICE, "sealed")
    again = recorded("rebuild", "--into", "after", *asked).json
    assert (made["root"], made["tables"]) == (again["root"], again["tables"])
    assert made["events"] == EVENTS + 1
    assert [(told.code, told.json["sound"]) for told in (before[1], after[1])] == [(0, True)] * 2
    assert after[1].json["events"] == EVENTS + 3
    assert before[1].json["tables"] == after[1].json["tables"]
    now = recorded("state", "client-alice", "--as-of", str(EVENTS + 3), "--json").json["state"]
    assert (now["status"], now["reads_as"]) == ("erased", dict.fromkeys(ALICE, "erased"))


def test_nothing_that_rebuilds_touches_the_keys(recorded: CommandLine) -> None:
    for _ in range(2):
        assert recorded("recover").code == 0
    refused = recorded("rebuild", "--as-of", "10", "--into", "subject_keys")
    assert (refused.code, "uses for itself" in " ".join(refused.err.split())) == (2, True)
    assert recorded("rebuild", "--drop", "subject_keys").code != 0
    assert recorded("subject", "show", "alice", "--json").json["details"] == ALICE


def test_without_the_master_key_nothing_is_opened_and_none_is_made(
    recorded: CommandLine, tmp_path: Path
) -> None:
    master = tmp_path / "data" / FILE_NAME
    content = master.read_text()
    master.unlink()
    for ask in (["show", "alice"], ["record", "bob", "--from", "alice.json"]):
        refused = recorded("subject", *ask)
        assert (refused.code, refused.out) == (2, "")
        assert "PATRIOT_SUBJECT_MASTER_KEY_FILE" in refused.err
    assert not master.exists()
    master.write_text("ab" * 32)
    master.chmod(0o600)
    refused = recorded("subject", "show", "alice")
    assert (refused.code, "another master key" in " ".join(refused.err.split())) == (1, True)
    master.write_text(content)
    assert recorded("subject", "show", "alice", "--json").json["details"] == ALICE


def test_after_wrapping_anew_the_old_master_key_opens_nothing(
    recorded: CommandLine, tmp_path: Path
) -> None:
    master = tmp_path / "data" / FILE_NAME
    old = master.read_text()
    done = recorded("subject", "rewrap", "--json").json
    assert (done["keys"], done["old_keys"]) == (1, 0)
    assert recorded("subject", "show", "alice", "--json").json["details"] == ALICE
    new = master.read_text()
    assert old not in new
    master.write_text(old)
    assert recorded("subject", "show", "alice").code == 1


def test_a_file_that_is_named_is_its_owners(recorded: CommandLine, tmp_path: Path) -> None:
    named, old = tmp_path / "named", (tmp_path / "data" / FILE_NAME).read_text()
    recorded.set_environment(PATRIOT_SUBJECT_MASTER_KEY_FILE=str(named))
    for content, keys, old_keys in (
        (old, 0, 0),
        (f"{'ab' * 32}\n{old}\n", 1, 1),
        ("ab" * 32, 0, 0),
    ):
        named.write_text(content)
        named.chmod(0o600)
        done = recorded("subject", "rewrap", "--json")
        assert (done.json["keys"], done.json["old_keys"]) == (keys, old_keys)
        assert ("remove the others" in done.err) == bool(old_keys)
        assert named.read_text() == content
        assert recorded("subject", "show", "alice", "--json").json["details"] == ALICE


def test_what_was_altered_is_named_and_not_taken_for_erased(
    recorded: CommandLine, servers: dict[str, str]
) -> None:
    with psycopg.connect(servers["PATRIOT_POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute("alter table log.events disable trigger append_only")
        connection.execute(
            "update log.events set data = convert_to(replace(convert_from(data, 'UTF8'),"
            " '\"phone\"', '\"telegram\"'), 'UTF8') where stream = 'client-alice'"
        )
    refused = recorded("subject", "show", "alice")
    said = " ".join(refused.err.split())
    assert (refused.code, refused.out) == (1, "")
    assert "telegram in version 1 of client-alice does not open" in said
    assert "erased" not in said


def test_where_there_is_no_core(patriot: CommandLine, tmp_path: Path) -> None:
    for ask in (["show", "alice"], ["erase", "alice", "--reason", "r"]):
        refused = patriot("subject", *ask, "--data-dir", str(tmp_path / "mistyped"))
        assert (refused.code, refused.out) == (1, "")
        assert "--data-dir" in refused.err
    assert not (tmp_path / "mistyped").exists()


def test_a_killed_erasure_is_finished_by_the_next(
    recorded: CommandLine, servers: dict[str, str], tmp_path: Path
) -> None:
    """The outcome was about to be written. The other places to die: test_client_desk."""
    erase = ("subject", "erase", "alice", "--reason", "asked")
    env = {**servers, **armed("kill:append/SubjectErased/before")}
    killed = run_apart(*erase, data_dir=tmp_path / "data", env=env)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "")
    shown = recorded("subject", "show", "alice", "--json").json
    assert (shown["status"], shown["details"]) == ("erasing", dict.fromkeys(ALICE))
    assert "patriot subject erase" in " ".join(recorded("subject", "show", "alice").err.split())
    refused = recorded("subject", "record", "alice", "--from", "alice.json")
    assert (refused.code, "subject_erased" in refused.err) == (1, True)
    assert recorded("recover").code == 0
    checks = recorded("verify", "--json").json["checks"]
    assert [each["check"] for each in checks if each["findings"]] == ["erasures are final"]
    assert recorded(*erase, "--json").json["already"] is False
    assert recorded("subject", "show", "alice", "--json").json["status"] == "erased"
    assert recorded("verify", "--json").json["sound"]
