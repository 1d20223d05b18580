"""What the server answers with a gRPC status instead of a message."""

from collections.abc import Mapping

import grpc


class Refusal(Exception):
    """Ends the RPC with a status, a text and trailers."""

    def __init__(
        self, code: grpc.StatusCode, details: str, trailers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.trailers = tuple((trailers or {}).items())


def unavailable() -> Refusal:
    return Refusal(grpc.StatusCode.UNAVAILABLE, "Server Is Not Ready")


def dropped(status: grpc.StatusCode) -> Refusal:
    return Refusal(status, "Socket closed")


def not_leader(host: str, port: int) -> Refusal:
    trailers = {
        "exception": "not-leader",
        "leader-endpoint-host": host,
        "leader-endpoint-port": str(port),
    }
    return Refusal(grpc.StatusCode.NOT_FOUND, "Leader info available", trailers)


def stream_deleted(stream: str) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"Event stream '{stream}' is deleted.",
        {"exception": "stream-deleted"},
    )


def wrong_version(operation: str, stream: str, expected: int, actual: int) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"{operation} failed due to WrongExpectedVersion. Stream: {stream}, "
        f"Expected version: {expected}, Actual version: {actual}",
        {"exception": "wrong-expected-version"},
    )


def invalid_position() -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Invalid position.")


def invalid_combination() -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "The combination of options is invalid.")


def access_denied() -> Refusal:
    return Refusal(
        grpc.StatusCode.PERMISSION_DENIED, "Access Denied", {"exception": "access-denied"}
    )
