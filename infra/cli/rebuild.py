"""patriot rebuild: read models as of the past, in schemas of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
import uvloop

from domain.errors import InvalidInput, Refused
from domain.event import format_time
from infra.background import step_back
from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import advise, console, fail, print_json, print_rows
from infra.cli.rebuild_progress import shown
from infra.composition.replay_rebuild import (
    Rebuilder,
    RebuildFailed,
    RebuiltSchema,
    check_request,
    rebuilder,
)
from infra.settings import Settings
from replay.manifest import Manifest
from replay.rebuild_listener import RebuildListener

_COLUMNS = ("schema", "state", "position", "asked_for", "checkpoint", "root", "failure")
_SPARE = ("root", "checkpoint", "asked_for")
_GO_ON = "What is unfinished is never taken for whole; the same command goes on with it."

Answer = TypeVar("Answer")


def rebuild(
    as_of: Annotated[
        str | None,
        typer.Option(help="A position of the log, or an instant like 2026-01-31T09:30:00Z."),
    ] = None,
    into: Annotated[str | None, typer.Option(help="The schema to make.")] = None,
    projection: Annotated[
        list[str] | None, typer.Option(help="Only this read model; may be given again.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="The schemas there are.")] = False,
    drop: Annotated[str | None, typer.Option(help="Drop one of them.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Build the read models as they stood at an instant, from the log alone, beside what runs.

    Stopped, it goes on where it was when the same command is given again.
    """
    _require_one(as_of is not None or into is not None, list_, drop is not None)
    settings = attached(settings_for(data_dir))
    if list_:
        _list(_answer(settings, Rebuilder.all), as_json=as_json)
    elif drop is not None:
        _drop(settings, drop, as_json=as_json)
    elif as_of is None or into is None:
        raise typer.BadParameter("--as-of and --into go together")
    else:
        _rebuild(settings, as_of, into, projection or [], as_json=as_json)


def _require_one(*given: bool) -> None:
    if sum(given) != 1:
        raise typer.BadParameter("give --as-of with --into, or --list, or --drop")


def _rebuild(
    settings: Settings, as_of: str, into: str, names: Sequence[str], *, as_json: bool
) -> None:
    _checked(lambda: check_request(as_of, into, names))
    try:
        with shown() as listener:
            manifest = _answer(settings, _rebuilding(as_of, into, names, listener))
    except KeyboardInterrupt as error:
        fail("stopped", _GO_ON)
        raise typer.Exit(1) from error
    if as_json:
        print_json(msgspec.to_builtins(manifest))
    else:
        _describe(into, manifest)


def _rebuilding(
    as_of: str, into: str, names: Sequence[str], listener: RebuildListener
) -> Callable[[Rebuilder], Awaitable[Manifest]]:
    async def rebuild(rebuilder: Rebuilder) -> Manifest:
        step_back()  # now, as the servers that were started for it should not
        return await rebuilder.rebuild(as_of, into, names, listener)

    return rebuild


def _drop(settings: Settings, name: str, *, as_json: bool) -> None:
    _answer(settings, lambda rebuilder: rebuilder.drop(name))
    if as_json:
        print_json({"dropped": name})
    else:
        console.print(f"{name} is dropped", highlight=False)


def _list(schemas: Sequence[RebuiltSchema], *, as_json: bool) -> None:
    print_rows(
        [_row(schema) for schema in schemas],
        _COLUMNS,
        as_json=as_json,
        spare=_SPARE,
        folded="failure",
    )


def _row(schema: RebuiltSchema) -> dict[str, Any]:
    manifest = schema.read_manifest()
    return {
        "schema": schema.name,
        "state": schema.state if schema.is_there else "gone",
        "position": schema.position,
        "recorded_at": format_time(schema.recorded_at),
        "asked_for": schema.asked_for,
        "projections": list(schema.models),
        "checkpoint": schema.checkpoint,
        "events": schema.events,
        "code_version": schema.code_version,
        "started_at": format_time(schema.started_at),
        "root": manifest.root if manifest else None,
        "failure": schema.failure,
    }


def _describe(into: str, manifest: Manifest) -> None:
    tables = [msgspec.to_builtins(table) for table in manifest.tables]
    print_rows(tables, ("table", "rows", "sha256"), as_json=False, spare=("sha256",))
    cut = manifest.cut
    console.print(
        f"{into} is what stood at position {cut.position}, {manifest.events} events, "
        f"by version {manifest.code_version}\nroot {manifest.root}",
        highlight=False,
        soft_wrap=True,
    )
    if cut.times_gone_back:
        advise(f"{cut.times_gone_back} events were recorded earlier than the event before them")


def _answer(settings: Settings, ask: Callable[[Rebuilder], Awaitable[Answer]]) -> Answer:
    async def asked() -> Answer:
        async with rebuilder(settings) as opened:
            return await ask(opened)

    def answer() -> Answer:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(asked())

    return _checked(answer)


def _checked(work: Callable[[], Answer]) -> Answer:
    """Refusals are told in one line."""
    try:
        return work()
    except Refused as error:
        _exit(error, 2 if isinstance(error, InvalidInput) else 1, f"({error.code})")
    except RebuildFailed as error:
        _exit(error, 1, _GO_ON)


def _exit(error: Exception, code: int, hint: str) -> NoReturn:
    fail(str(error), hint)
    raise typer.Exit(code) from error
