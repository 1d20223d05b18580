"""The reference of events, from the event classes themselves."""

import inspect
from collections.abc import Iterator
from typing import get_type_hints

import msgspec

# Every module that defines events, so that all of them are registered.
import domain.account.account
import domain.client.client
import domain.order.order
import domain.risk.risk_limits
import domain.session.session
import domain.strategy.strategy  # noqa: F401  # imported for their registrations
from domain.event import Event, known_types

_STREAMS = {
    "domain.account": "account-ID",
    "domain.client": "client-SUBJECT",
    "domain.order": "order-ID",
    "domain.risk": "risk-SCOPE",
    "domain.session": "session-VENUE",
    "domain.strategy": "strategy-ID",
}

_HEADER = """# Events

Every type of event in the log. Each also carries `aggregate_id`, `version` (its number in the
stream, from 1) and `occurred_at`. Decimals are strings, times RFC 3339 UTC with microseconds.
This page is generated from the code: `make docs`.
"""


def render() -> str:
    """The page as Markdown."""
    return "\n".join([_HEADER, *_sections()])


def _sections() -> Iterator[str]:
    for prefix, stream in _STREAMS.items():
        yield f"## `{stream}`\n"
        for name, event in known_types().items():
            if event.__module__.startswith(prefix):
                yield _section(name, event)


def _section(name: str, event: type[Event]) -> str:
    rows = "\n".join(f"| `{field}` | {kind} |" for field, kind in _fields(event))
    meaning = inspect.cleandoc(event.__doc__ or "")
    return (
        f"### {name}\n\n{meaning}\n\nVersion {event.schema_version}.\n\n"
        f"| field | type |\n|---|---|\n{rows}\n"
    )


def _fields(event: type[Event]) -> Iterator[tuple[str, str]]:
    inherited = {field.name for field in msgspec.structs.fields(Event)}
    hints = get_type_hints(event, include_extras=True)
    for field in msgspec.structs.fields(event):
        if field.name not in inherited:
            yield field.encode_name, _describe(hints[field.name])


def _describe(hint: object) -> str:
    text = hint.__name__ if isinstance(hint, type) and not _is_generic(hint) else str(hint)
    return text.replace("domain.", "").replace("NoneType", "None").replace("|", "or")


def _is_generic(hint: object) -> bool:
    return bool(getattr(hint, "__args__", ()))
