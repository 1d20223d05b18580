"""Bearer tokens: signed claims that expire.

A token is ``patriot1.CLAIMS.SIGNATURE``: base64url of the claims' JSON, and of the HMAC-SHA256 of
all that stands before it. The algorithm is not negotiable, so there is none in the token. A new
secret revokes every token signed with the old one.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from api.auth.caller import Caller, account_scope
from api.auth.role import Role

PREFIX = "patriot1"
MAX_TOKEN_LENGTH = 8_192
MIN_SECRET_BYTES = 32


class InvalidToken(Exception):
    """The token is not ours, damaged, expired or not valid yet. Says no more, on purpose."""


class Claims(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a token states. ``accounts`` None means all of them."""

    id: str
    subject: str
    role: Role
    issued_at: datetime
    expires_at: datetime
    accounts: tuple[str, ...] | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Claims).decode


def mint(
    secret: bytes,
    *,
    token_id: UUID,
    subject: str,
    role: Role,
    now: datetime,
    valid_for: timedelta,
    accounts: tuple[str, ...] | None = None,
) -> str:
    """A new token. Raises ValueError for a weak secret, or a client's token without accounts."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"the secret must have at least {MIN_SECRET_BYTES} bytes")
    if role is Role.CLIENT and not accounts:
        raise ValueError("a client's token names the accounts it reaches")
    claims = Claims(
        id=str(token_id),
        subject=subject,
        role=role,
        issued_at=now,
        expires_at=now + valid_for,
        accounts=accounts,
    )
    signed = f"{PREFIX}.{_base64(_encode(claims))}"
    return f"{signed}.{_base64(_signature(secret, signed))}"


def verify(secret: bytes, token: str, now: datetime) -> Caller:
    """Who holds the token. Raises InvalidToken."""
    signed, _, signature = token.rpartition(".")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise InvalidToken
    if not hmac.compare_digest(_base64(_signature(secret, signed)), signature):
        raise InvalidToken
    claims = _claims(signed)
    if not claims.issued_at <= now < claims.expires_at:
        raise InvalidToken
    return Caller(
        subject=claims.subject,
        role=claims.role,
        token_id=claims.id,
        expires_at=claims.expires_at,
        accounts=None if claims.accounts is None else account_scope(claims.accounts),
    )


def _claims(signed: str) -> Claims:
    """Only read after the signature held: nothing unsigned is ever parsed."""
    prefix, _, payload = signed.partition(".")
    if prefix != PREFIX:
        raise InvalidToken
    try:
        claims = _decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidToken from error
    if claims.role is Role.CLIENT and not claims.accounts:
        raise InvalidToken
    return claims


def _signature(secret: bytes, signed: str) -> bytes:
    return hmac.digest(secret, signed.encode(), "sha256")


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
