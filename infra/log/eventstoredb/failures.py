"""What a failed call means: worth another try, or the end."""

import grpc

from domain.log import LogFailed

_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNKNOWN,
    }
)


class Lost(Exception):
    """No answer this time; another try may get one. ``leader`` is where the server points to."""

    def __init__(self, reason: str, leader: str | None = None) -> None:
        super().__init__(reason)
        self.leader = leader


def failure_of(error: grpc.aio.AioRpcError) -> Lost | LogFailed:
    """Lost for what may pass, LogFailed for what will not."""
    reason = f"{error.code().name}: {error.details()}"
    leader = _leader_of(error)
    if leader is not None:
        return Lost(f"not the leader, which is {leader}", leader)
    if error.code() in _PASSING:
        return Lost(reason)
    return LogFailed(f"EventStoreDB refused: {reason}")


def _leader_of(error: grpc.aio.AioRpcError) -> str | None:
    trailers = error.trailing_metadata()
    if error.code() is not grpc.StatusCode.NOT_FOUND or trailers.get("exception") != "not-leader":
        return None
    host, port = trailers.get("leader-endpoint-host"), trailers.get("leader-endpoint-port")
    return f"{_text(host)}:{_text(port)}" if host and port else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
