"""patriot state: one aggregate as it stood."""

import asyncio
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from domain.errors import InvalidInput, Refused
from domain.event import format_time
from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import Row, advise, console, fail, print_json, print_record
from infra.composition.replay_state import UNREADABLE, State, check_request, state_then
from infra.settings import Settings
from replay.cut import AROUND

SHOWN = 10
"""Entries of a collection that are printed for people."""

_INDENT = (0, 0, 0, 3)


def state(
    stream: Annotated[str, typer.Argument(help="Like account-UUID, order-UUID or risk-system.")],
    as_of: Annotated[
        str, typer.Option(help="A position of the log, or an instant like 2026-01-31T09:30:00Z.")
    ],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """One account, order, strategy, session or set of limits as it stood, from the log alone."""
    found = _found(attached(settings_for(data_dir)), stream, as_of)
    if as_json:
        print_json(_document(found))
    else:
        _tell(found)


def _found(settings: Settings, stream: str, as_of: str) -> State:
    try:
        check_request(stream, as_of)
        return asyncio.run(state_then(settings, stream, as_of))
    except Refused as error:
        fail(str(error), f"({error.code})")
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    except UNREADABLE as error:
        fail(str(error), "Nothing is told of what lies beyond an event that cannot be read.")
        raise typer.Exit(1) from error


def _document(found: State) -> Row:
    cut = found.cut
    return {
        "stream": found.stream,
        "as_of": {
            "asked_for": cut.asked_for,
            "position": cut.position,
            "recorded_at": format_time(cut.recorded_at),
            "out_of_order": cut.out_of_order,
            "looked_around": AROUND,
        },
        "version": found.version,
        "position": found.position,
        "recorded_at": format_time(found.recorded_at),
        "state": found.state,
    }


def _tell(found: State) -> None:
    cut = found.cut
    console.print(
        f"[bold]{found.stream}[/bold] as of position {cut.position}, "
        f"recorded at {format_time(cut.recorded_at)}\n"
        f"version {found.version}, at position {found.position}",
        highlight=False,
        soft_wrap=True,
    )
    simple = {name: value for name, value in found.state.items() if not _is_collection(value)}
    print_record(simple, as_json=False)
    for name, value in found.state.items():
        if _is_collection(value):
            _tell_of(name, value)
    if cut.out_of_order:
        advise(
            f"recorded times go back around there ({AROUND} events on either side are looked at): "
            "a position says more than an instant"
        )


def _is_collection(value: object) -> bool:
    return isinstance(value, dict | list)


def _tell_of(name: str, collection: object) -> None:
    """A heading, and a line an entry; lists are counted from 1."""
    if not isinstance(collection, dict):
        assert isinstance(collection, list)
        collection = {str(number): item for number, item in enumerate(collection, 1)}
    if not collection:
        return
    console.print(f"\n[bold]{name.replace('_', ' ')}[/bold]")
    for key in list(collection)[:SHOWN]:
        console.print(Padding(_entry(key, collection[key]), _INDENT))
    if len(collection) > SHOWN:
        advise(f"{len(collection) - SHOWN} more: see --json")


def _entry(key: str, value: object) -> Text:
    """What an entry calls itself need not be said again."""
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if item != key}
    return Text.assemble((key, "bold"), "  ", _in_words(value))


def _in_words(value: object) -> str:
    """What is not set is left out."""
    if isinstance(value, dict):
        pairs = [(name, item) for name, item in value.items() if item is not None]
        return ", ".join(f"{name.replace('_', ' ')} {_in_words(item)}" for name, item in pairs)
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
