"""Routes that ask for a token before anything else, and read bodies strictly."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth.authentication import Authentication
from api.auth.caller import Caller
from api.auth.policy import Policy, policy_of
from api.correlation import header_of
from api.errors import Problem
from api.json_body import StrictRequest

_CALLER = "patriot.caller"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PolicyRoute(APIRoute):
    """A route with a declared policy; one without cannot be made.

    Who calls is settled before parameters or a body are looked at.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.policy: Policy = policy_of(endpoint)
        options["openapi_extra"] = self._documented(options.get("openapi_extra"))
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        return self._guarded(self._strict(super().get_route_handler()))

    def _guarded(self, handler: Handler) -> Handler:
        if self.policy.is_public:
            return handler
        policy = self.policy

        async def guarded(request: Request) -> Response:
            caller = authenticate(request)
            policy.require(caller)
            request.scope[_CALLER] = caller
            return await handler(request)

        return guarded

    def _strict(self, handler: Handler) -> Handler:
        async def strict(request: Request) -> Response:
            refuse_repeated_parameters(request.scope)
            limit: int = request.app.state.max_body_bytes
            return await handler(StrictRequest(request.scope, request.receive, limit))

        return strict

    def _documented(self, extra: dict[str, Any] | None) -> dict[str, Any]:
        if self.policy.roles is None:
            return {**(extra or {}), "security": []}
        roles = sorted(self.policy.roles)
        return {**(extra or {}), "x-roles": roles, "security": [{"bearer": []}]}


class LeanRoute(PolicyRoute):
    """A route whose endpoint takes the request alone, and reads its parameters itself.

    For the hottest reads: to have parameters resolved costs more than the read.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        answer = self._guarded(endpoint)

        async def lean(scope: Scope, receive: Receive, send: Send) -> None:
            response = await answer(Request(scope, receive))
            await response(scope, receive, send)

        self.app = lean


def authenticate(request: Request) -> Caller:
    """Raises Problem ``unauthenticated``."""
    authentication: Authentication = request.app.state.authentication
    return authentication.of_header(header_of(request.scope, b"authorization"))


def caller_of(request: Request) -> Caller:
    """Who makes the request, once its route has asked."""
    caller: Caller = request.scope[_CALLER]
    return caller


def refuse_repeated_parameters(scope: Scope) -> None:
    """Raises Problem ``duplicate_parameter``: of two values, none is more right."""
    query = scope["query_string"]
    if b"&" not in query:
        return
    names = [part.partition(b"=")[0] for part in query.split(b"&")]
    if len(names) != len(set(names)):
        raise Problem("duplicate_parameter", "a query parameter is given more than once")
