"""From an Authorization header to a caller."""

from api.auth.caller import Caller
from api.auth.token import InvalidToken, verify
from api.errors import Problem
from domain.clock import Clock

_SCHEME = b"bearer "


class Authentication:
    """Verifies bearer tokens with the present secret."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def of_header(self, authorization: bytes | None) -> Caller:
        """Raises Problem ``unauthenticated``."""
        if authorization is None or authorization[:7].lower() != _SCHEME:
            raise _unauthenticated("a bearer token is required", b"Bearer")
        return self.of_token(authorization[7:].strip().decode("latin-1"))

    def of_token(self, token: str) -> Caller:
        """Raises Problem ``unauthenticated``."""
        try:
            return verify(self._secret, token, self._clock.now())
        except InvalidToken as error:
            challenge = b'Bearer error="invalid_token"'
            raise _unauthenticated("the token is invalid or expired", challenge) from error


def _unauthenticated(detail: str, challenge: bytes) -> Problem:
    return Problem(
        "unauthenticated", detail, headers={"WWW-Authenticate": challenge.decode("ascii")}
    )
