"""``patriot replay decisions`` on the log of a running core."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.infra.cli.running import CommandLine

DECISIONS = ("replay", "decisions")


class Decided(NamedTuple):
    placed: str
    refused: str


def decide(patriot: CommandLine) -> Decided:
    """A placed order and a refused one; the same ones however often it is called."""
    opened = patriot("account", "open", "--client", "alice", "--key", "replay", "--json").json
    account = opened["account_id"]
    patriot("account", "deposit", account, "10000", "--key", "replay-deposit")
    order = ("order", "place", account, "buy")
    placed = patriot(*order, "0.01", "BTCUSDT", "--key", "replay-1", "--json").json["order_id"]
    assert patriot(*order, "90", "BTCUSDT", "--key", "replay-2").code == 1
    listed = patriot("order", "list", "--account", account, "--json").json
    (refused,) = [each["order_id"] for each in listed if each["status"] == "refused"]
    return Decided(placed, refused)


def test_what_was_decided_is_decided_again(at_core: CommandLine) -> None:
    decided = decide(at_core)
    done = at_core(*DECISIONS)
    assert (done.code, done.err) == (0, "")
    assert "differing       0" in done.out
    report = at_core(*DECISIONS, "--json").json
    assert report["decisions"] == report["replayed"] >= 2
    assert (report["differing"], report["not_replayable"]) == (0, 0)
    for order_id in decided:
        assert at_core(*DECISIONS, "--order", order_id, "--json").json["replayed"] == 1
    assert at_core(*DECISIONS, "--from", "1", "--to", "1", "--json").json["decisions"] == 0


@pytest.mark.parametrize("name", ["limits.json", "limits.toml"])
def test_what_other_limits_would_have_refused(
    at_core: CommandLine, tmp_path: Path, name: str
) -> None:
    decided = decide(at_core)
    file = tmp_path / name
    text = '[system]\nmax_order_quantity = "0.005"\n'
    if name.endswith("json"):
        text = json.dumps({"system": {"max_order_quantity": "0.005"}})
    file.write_text(text)
    before = at_core("events", "tail", "--limit", "1", "--json").json[-1]["position"]
    turned = at_core(*DECISIONS, "--with-limits", str(file), "--order", decided.placed)
    assert turned.code == 1
    assert "would turn      1" in turned.out
    assert f"{decided.placed}  OrderPlaced at position" in turned.out
    assert "max_order_quantity_exceeded now" in turned.out.replace("\n", " ")
    assert "order_quantity" in turned.out
    assert max(len(line.rstrip()) for line in turned.out.splitlines()) <= 80
    stays = at_core(*DECISIONS, "--with-limits", str(file), "--order", decided.refused)
    assert stays.code == 0
    assert at_core("events", "show", f"order-{decided.refused}", "--json").json[-1]["position"] < (
        before + 1
    )


def test_limits_of_a_scope_that_no_decision_knows(at_core: CommandLine, tmp_path: Path) -> None:
    decided = decide(at_core)
    file = tmp_path / "limits.json"
    file.write_text('{"client:alcie": {"max_order_quantity": "0.005"}}')
    arguments = (*DECISIONS, "--with-limits", str(file), "--order", decided.placed)
    ended = at_core(*arguments)
    assert ended.code == 0
    told = " ".join((ended.out + ended.err).split())
    assert "none of these decisions was bound by the limits of client:alcie" in told
    assert at_core(*arguments, "--json").json["unused_limits"] == ["client:alcie"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--order", "nobody"), 1, "order_not_found"),
        (("--order", "x", "--from", "2026-01-01T00:00:00Z"), 2, "--from and --to"),
        (("--from", "yesterday"), 2, "invalid_instant"),
        (("--from", "2026-01-01T00:00:00"), 2, "no_time_zone"),
        (("--from", "2999-01-01T00:00:00Z"), 2, "in_the_future"),
        (("--to", "2999-01-01T00:00:00Z"), 2, "in_the_future"),
        (("--to", "1999-01-01T00:00:00Z"), 2, "before_the_first_event"),
        (("--from", "2", "--to", "1"), 2, "from_after_to"),
        (("--from", "999999999"), 2, "beyond_the_head"),
        (("--to", "999999999"), 2, "beyond_the_head"),
        (("--with-limits", "/nowhere/limits.json"), 2, "cannot be read"),
    ],
)
def test_wrong_usage(
    at_core: CommandLine, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = at_core(*DECISIONS, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err


def test_a_file_that_holds_no_limits(at_core: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text('{"system": {"max_order_value": 1000}}')
    ended = at_core(*DECISIONS, "--with-limits", str(file))
    assert ended.code == 2
    assert "system.max_order_value" in ended.err
    assert "wrong_type" in ended.err
