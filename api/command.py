"""From a request to the context of its command."""

import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.auth.caller import Caller
from api.correlation import correlation_id_of, header_of, traceparent_of
from api.errors import Problem
from api.route import caller_of
from domain.clock import Ids
from domain.command import Actor, ActorType, CommandContext, command_id_for

CHANNEL = "api"
IDEMPOTENCY_KEY = "Idempotency-Key"

_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_encode = msgspec.json.Encoder().encode


def command_context(request: Request, ids: Ids) -> CommandContext:
    """Raises Problem ``invalid_idempotency_key``.

    A request that names itself always makes the same command, so that the log itself recognises
    it when it comes again.
    """
    caller = caller_of(request)
    key = _idempotency_key(request)
    route: str = request.scope["route"].path
    return CommandContext(
        command_id=(
            ids.new()
            if key is None
            else command_id_for(caller.subject, f"{request.method} {route}", key)
        ),
        correlation_id=correlation_id_of(request.scope),
        actor=_actor(caller),
        traceparent=traceparent_of(request.scope),
    )


def done(status: int, position: int, document: dict[str, Any]) -> Response:
    """The answer to a command, with the log position from which reads show it."""
    return Response(
        _encode({**document, "position": position}),
        status,
        {"Log-Position": str(position)},
        "application/json",
    )


def _actor(caller: Caller) -> Actor:
    return Actor(ActorType.HUMAN, caller.subject, CHANNEL)


def _idempotency_key(request: Request) -> str | None:
    key = header_of(request.scope, b"idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Problem(
            "invalid_idempotency_key", "1 to 255 visible ASCII characters", IDEMPOTENCY_KEY
        )
    return key.decode("ascii")
