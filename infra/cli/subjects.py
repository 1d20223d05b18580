"""patriot subject: record, show, erase, rewrap.

Personal values come from a file or standard input, never as arguments: those are seen by other
users of the machine, and shells keep them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from domain.client.client import SubjectStatus
from domain.client.personal_field import PersonalField
from domain.command import Actor, ActorType, CommandContext
from domain.errors import InvalidInput, Refused
from domain.event import format_time
from domain.use_cases.client_desk import (
    ClientDesk,
    Erased,
    Subject,
    check_details,
    check_reason,
    check_subject,
)
from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, Reason, settings_for
from infra.cli.output import Row, advise, console, fail, print_json, print_record, print_rows
from infra.clock import SystemIds
from infra.composition.subjects import (
    UNREADABLE,
    NothingThere,
    Rewrapped,
    client_desk,
    subject_keys,
)

app = typer.Typer(no_args_is_help=True, help="Personal details, and how they are forgotten.")

SubjectId = Annotated[str, typer.Argument(help="The client's pseudonym.")]
By = Annotated[str, typer.Option("--by", help="Who acts, as recorded with each event.")]

Details = dict[PersonalField, str | None]
Answer = TypeVar("Answer")

MAX_BYTES = 64 * 1024
STANDARD_INPUT = "-"

_NOT_READ = "Somebody changed the log or the keys, or one of them is not the one it was."
_decode_details = msgspec.json.Decoder(Details).decode


@app.callback()
def subjects() -> None:
    """Personal details, and how they are forgotten."""


@app.command("record")
def record(
    subject: SubjectId,
    source: Annotated[
        str, typer.Option("--from", help="JSON file of name, email, phone, telegram; - is stdin.")
    ] = STANDARD_INPUT,
    by: By = "cli",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep personal details, sealed under a key of this subject's own.

    What is not given stays as it was, null is no longer kept.
    """
    with _told():
        check_subject(subject)
        details = _details(source)
        check_details(details)
    context = _context(by)
    done = _at_desk(data_dir, lambda desk: desk.record(subject, details, context))
    print_record({"subject": subject, "position": done.position}, as_json=as_json)


@app.command("show")
def show(subject: SubjectId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """What is known of a subject in clear; or that it was erased, when and why."""
    with _told():
        check_subject(subject)
    found = _at_desk(data_dir, lambda desk: desk.show(subject))
    if as_json:
        print_json(_document(found))
    else:
        _print(found)


@app.command("erase")
def erase(
    subject: SubjectId,
    reason: Reason,
    by: By = "cli",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the subject's key, for ever, and record it. Stopped half-way, run it again."""
    with _told():
        check_subject(subject)
        check_reason(reason)
    context = _context(by)
    erased = _at_desk(data_dir, lambda desk: desk.erase(subject, reason, context))
    if as_json:
        print_json(_erased_document(erased))
        return
    already = "was already erased" if erased.already else "is erased"
    console.print(f"{subject} {already}", highlight=False, soft_wrap=True)
    print_record(
        {"reason": erased.reason, "erased_at": format_time(erased.erased_at)}, as_json=False
    )
    advise("Backups of the keys still hold this one: docs/how-to/erase_a_subject.md")


@app.command("rewrap")
def rewrap(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Wrap all keys under a new master key: copies of them from before open nothing any more.

    Where the file of the master key is named by a setting, its first line is the new one: put it
    there before. Stopped half-way, run it again.
    """

    async def work() -> Rewrapped:
        async with subject_keys(attached(settings_for(data_dir))) as keys:
            return await keys.rewrap()

    with _told():
        done = asyncio.run(work())
    print_record(msgspec.to_builtins(done), as_json=as_json)
    if done.old_keys:
        advise("All keys are wrapped under the first line: remove the others from the file.")
    if done.keys:
        advise("Back up the master key and the keys now, then destroy the backups from before.")
    else:
        advise("Every key was wrapped under this master key already.")


def _at_desk(data_dir: Path | None, ask: Callable[[ClientDesk], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with client_desk(attached(settings_for(data_dir))) as desk:
            return await ask(desk)

    with _told():
        return asyncio.run(work())


@contextmanager
def _told() -> Iterator[None]:
    """What was foreseen as a message and an exit code."""
    try:
        yield
    except Refused as error:
        fail(str(error), f"({error.code})")
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from None
    except NothingThere as error:
        fail(str(error), "Name the directory of the core with --data-dir.")
        raise typer.Exit(1) from None
    except UNREADABLE as error:
        fail(str(error), _NOT_READ)
        raise typer.Exit(1) from None


def _details(source: str) -> Details:
    """Raises InvalidInput ``invalid_details``; no message quotes what was read."""
    try:
        content = _content(source)
        return _decode_details(content)
    except OSError as error:
        fail(f"{source} cannot be read: {error.strerror}")
        raise typer.Exit(2) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = ", ".join(PersonalField)
        message = f"a JSON object is expected, with texts or null under any of {known}"
        raise InvalidInput("invalid_details", message, "details") from None


def _content(source: str) -> bytes:
    if source != STANDARD_INPUT:
        with Path(source).open("rb") as file:
            return file.read(MAX_BYTES)
    if sys.stdin.isatty():
        advise('JSON, like {"name": "…", "email": "…"}; end with Ctrl-D')
    return sys.stdin.buffer.read(MAX_BYTES)


def _context(by: str) -> CommandContext:
    if not by or not by.isprintable():
        raise typer.BadParameter("somebody acts", param_hint="--by")
    command_id = SystemIds().new()
    return CommandContext(command_id, str(command_id), Actor(ActorType.HUMAN, by, "cli"))


def _document(found: Subject) -> Row:
    erasure = found.erasure
    return {
        "subject": found.subject,
        "status": found.status.value,
        "details": {field.value: text for field, text in found.details.items()},
        "recorded_at": format_time(found.recorded_at),
        "erasure": None
        if erasure is None
        else {
            "reason": erasure.reason,
            "requested_at": format_time(erasure.requested_at),
            "erased_at": None if erasure.erased_at is None else format_time(erasure.erased_at),
        },
    }


def _erased_document(erased: Erased) -> Row:
    return {
        "subject": erased.subject,
        "status": SubjectStatus.ERASED.value,
        "already": erased.already,
        "reason": erased.reason,
        "requested_at": format_time(erased.requested_at),
        "erased_at": format_time(erased.erased_at),
    }


def _print(found: Subject) -> None:
    document = _document(found)
    erasure = document.pop("erasure")
    details = document.pop("details")
    print_record({**document, **(erasure or {})}, as_json=False)
    console.print()
    rows = [{"detail": field, "value": text} for field, text in details.items()]
    print_rows(rows, ("detail", "value"), as_json=False, folded="value")
    if found.status is SubjectStatus.ERASING:
        advise(
            "Its key is not destroyed, or has come back with a backup: run `patriot subject erase`."
        )
