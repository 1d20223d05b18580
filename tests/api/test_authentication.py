"""No token, a forged one, an old one: 401, the same everywhere, and nothing more is said."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth.role import Role
from api.auth.token import InvalidToken, mint, verify
from tests.api.served import SECRET, Served, problem

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_token(role: Role = Role.ADMIN, *accounts: str, secret: bytes = SECRET) -> str:
    return mint(
        secret,
        token_id=UUID(int=7),
        subject="alice",
        role=role,
        now=NOW,
        valid_for=HOUR,
        accounts=accounts or None,
    )


def test_a_token_says_who_holds_it() -> None:
    account = "6D41BF38-6D39-4C45-A7FA-1C3F7A3F1A0B"
    caller = verify(SECRET, a_token(Role.CLIENT, account), NOW)
    assert (caller.subject, caller.role) == ("alice", Role.CLIENT)
    assert caller.token_id == str(UUID(int=7))
    assert caller.reaches(account.lower())
    assert not caller.reaches(str(UUID(int=1)))
    assert verify(SECRET, a_token(), NOW).reaches(account)


def test_it_is_valid_from_its_minting_until_it_expires() -> None:
    token = a_token()
    moment = timedelta(microseconds=1)
    assert verify(SECRET, token, NOW + HOUR - moment)
    for at in (NOW + HOUR, NOW - moment, NOW + 100 * HOUR):
        with pytest.raises(InvalidToken):
            verify(SECRET, token, at)


def test_another_secret_revokes_it() -> None:
    with pytest.raises(InvalidToken):
        verify(b"n" * 32, a_token(), NOW)


def test_a_weak_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        a_token(secret=b"short")


def test_a_client_has_accounts() -> None:
    with pytest.raises(ValueError, match="accounts"):
        a_token(Role.CLIENT)


def _payload(token: str, change: Callable[[dict[str, object]], object]) -> str:
    prefix, payload, signature = token.split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    change(claims)
    changed = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{prefix}.{changed}.{signature}"


FORGED = (
    "", ".", "..", "patriot1", "patriot1..", "a.b.c", "null", "ü", "\x00", "x" * 1_000_000,
    "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.",
    a_token() + "=", a_token()[:-1], a_token() + "." + a_token(), "." + a_token(),
    a_token().replace("patriot1", "patriot2"), a_token().rpartition(".")[0],
    a_token().rpartition(".")[0] + ".",
    _payload(a_token(), lambda claims: claims.update(role="manager")),
    _payload(a_token(), lambda claims: claims.update(expires_at="2099-01-01T00:00:00Z")),
    _payload(a_token(Role.CLIENT, "x"), lambda claims: claims.pop("accounts")),
)  # fmt: skip


@pytest.mark.parametrize("token", FORGED, ids=range(len(FORGED)))
def test_forgeries(token: str) -> None:
    with pytest.raises(InvalidToken):
        verify(SECRET, token, NOW)


@given(st.integers(0, len(a_token()) - 1), st.characters(codec="ascii", categories=("L", "N")))
def test_no_character_can_be_changed(index: int, character: str) -> None:
    token = a_token()
    changed = token[:index] + character + token[index + 1 :]
    if changed != token:
        with pytest.raises(InvalidToken):
            verify(SECRET, changed, NOW)


@given(st.text(max_size=200))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        verify(SECRET, text, NOW)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic YWRtaW46YWRtaW4=", "Bearer nonsense", "Token abc"],
)
async def test_without_a_token(served: Served, header: str | None) -> None:
    async with served.bearer(None) as nobody:
        headers = {} if header is None else {"Authorization": header}
        answer = await nobody.get("/v1/orders", headers=headers)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_in_the_address_does_not_count(served: Served) -> None:
    token = served.token(Role.ADMIN)
    async with served.bearer(None) as nobody:
        for name in ("token", "access_token"):
            answer = await nobody.get("/v1/instruments", params={name: token})
            problem(answer, 401, "unauthenticated")


async def test_an_expired_token(served: Served) -> None:
    token = served.token(Role.ADMIN, valid_for=timedelta(seconds=10))
    async with served.bearer(token) as caller:
        assert (await caller.get("/v1/instruments")).status_code == 200
        await served.world.clock.sleep(10)
        problem(await caller.get("/v1/instruments"), 401, "unauthenticated")


async def test_authentication_comes_before_the_body(served: Served) -> None:
    async with served.bearer(None) as nobody:
        answer = await nobody.post("/v1/orders", content=b"{not json")
        problem(answer, 401, "unauthenticated")
