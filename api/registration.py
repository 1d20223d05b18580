"""The three kinds of routes: reads answer 200, creations 201, changes asked for 202."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

Endpoint = Callable[..., Any]


def reads(router: APIRouter, path: str, endpoint: Endpoint, document: Any) -> None:
    router.add_api_route(path, endpoint, response_model=document, methods=["GET"])


def creates(router: APIRouter, path: str, endpoint: Endpoint, document: Any) -> None:
    router.add_api_route(
        path,
        endpoint,
        response_model=document,
        methods=["POST"],
        status_code=201,
        openapi_extra=_COMMAND,
    )


def changes(router: APIRouter, method: str, path: str, endpoint: Endpoint, document: Any) -> None:
    router.add_api_route(
        path,
        endpoint,
        response_model=document,
        methods=[method],
        status_code=202,
        openapi_extra=_COMMAND,
    )


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request is the same command, done once.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
}
_COMMAND = {"parameters": [_IDEMPOTENCY_KEY]}
