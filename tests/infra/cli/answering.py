"""An API that answers what a test says, over HTTP, for what no paper venue makes happen."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Api:
    """``answers`` by ``METHOD /path``; ``asked`` holds each request's path with its query."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self.sent: list[Any] = []
        self.url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(f"{method} {path}")
        self.sent.append(json.loads(body) if body else None)
        document = self.answers.get(f"{method} {path.partition('?')[0]}")
        if document is None:
            return 404, b'{"code": "route_not_found", "detail": "no such path"}'
        return 200, json.dumps(document).encode()


@contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[Api]:
    api = Api(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, document = api.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests print for themselves."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
