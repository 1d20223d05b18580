"""The CLI's way to the API of a running core."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import typer

from infra.cli.local import local_token, local_url
from infra.cli.output import fail

TIMEOUT_SECONDS = 30.0


class ApiClient:
    """Sends requests and turns problems into messages and exit code 1."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **query: str | int | None) -> Any:
        return self._send("GET", path, params=_given(query))

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> Any:
        return self._send("POST", path, json=_given(body), headers=_key(key))

    def put(self, path: str, body: dict[str, Any], key: str | None = None) -> Any:
        return self._send("PUT", path, json=_given(body), headers=_key(key))

    def patch(self, path: str, body: dict[str, Any], key: str | None = None) -> Any:
        return self._send("PATCH", path, json=_given(body), headers=_key(key))

    def delete(self, path: str, key: str | None = None) -> Any:
        return self._send("DELETE", path, headers=_key(key))

    def _send(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            fail(
                f"no answer from {self._http.base_url}: {error}",
                "Is the core running? Start it with `make up`, or set PATRIOT_URL.",
            )
            raise typer.Exit(1) from error
        if response.is_error:
            _refuse(response)
        return response.json() if response.content else {}


@contextmanager
def api_client() -> Iterator[ApiClient]:
    """A client for PATRIOT_URL with PATRIOT_TOKEN, or for the core of the local data directory."""
    with httpx.Client(
        base_url=local_url(),
        headers={"Authorization": f"Bearer {local_token()}"},
        timeout=TIMEOUT_SECONDS,
    ) as http:
        yield ApiClient(http)


def _refuse(response: httpx.Response) -> NoReturn:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    code = problem.get("code", f"http_{response.status_code}")
    fail(f"{code}: {problem.get('detail') or problem.get('title') or response.reason_phrase}")
    raise typer.Exit(1)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}
