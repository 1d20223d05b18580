"""The rules of a client's details, with a key that only writes down what it was asked."""

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client.client import Client, SubjectStatus
from domain.client.events import ClientDetailsRecorded, SubjectErased, SubjectErasureRequested
from domain.client.personal_field import PersonalField, check
from domain.client.sealed import Place, SealBroken, Sealed
from domain.errors import Conflict, InvalidInput, NotFound
from domain.event import Event
from tests.domain.world import NOON

NAME, EMAIL, PHONE = PersonalField.NAME, PersonalField.EMAIL, PersonalField.PHONE

AnyEvent = TypeVar("AnyEvent", bound=Event)


class OpenSealer:
    """Seals nothing: a ciphertext is the text with its place."""

    def seal(self, text: str, place: Place) -> Sealed:
        return Sealed("k", repr(place), text)

    def open(self, sealed: Sealed, place: Place) -> str:
        if sealed.nonce != repr(place):
            raise SealBroken(place)
        return sealed.ciphertext


SEALER = OpenSealer()


def a_client(**details: str | None) -> Client:
    client: Client = Client.empty("alice")
    if details:
        client.record({PersonalField(name): text for name, text in details.items()}, SEALER, NOON)
    return client


def last(client: Client, kind: type[AnyEvent]) -> AnyEvent:
    event = client.pending[-1]
    assert isinstance(event, kind)
    return event


def test_details_are_sealed_where_they_stand() -> None:
    client = a_client(name="Alice", email="a@b.example")
    recorded = last(client, ClientDetailsRecorded)
    place = Place("client-alice", 1, "name")
    assert recorded.details[NAME] == Sealed("k", repr(place), "Alice")
    assert client.opened(SEALER) == {NAME: "Alice", EMAIL: "a@b.example"}
    assert (client.key_id, client.status) == ("k", SubjectStatus.RECORDED)


def test_only_what_changed_is_recorded() -> None:
    client = a_client(name="Alice", email="a@b.example")
    client.record({NAME: "Alice", EMAIL: "c@d.example", PHONE: None}, SEALER, NOON)
    place = Place("client-alice", 2, "email")
    recorded = last(client, ClientDetailsRecorded)
    assert recorded.details == {EMAIL: Sealed("k", repr(place), "c@d.example")}
    client.record({EMAIL: "c@d.example"}, SEALER, NOON)
    assert client.version == 2
    assert client.opened(SEALER) == {NAME: "Alice", EMAIL: "c@d.example"}


def test_null_is_no_longer_kept() -> None:
    client = a_client(name="Alice", email="a@b.example")
    client.record({EMAIL: None}, SEALER, NOON)
    assert last(client, ClientDetailsRecorded).details == {EMAIL: None}
    assert client.opened(SEALER) == {NAME: "Alice"}


def test_an_erasure_is_asked_for_once_and_confirmed_once() -> None:
    client = a_client(name="Alice")
    client.request_erasure("asked", NOON)
    asked = last(client, SubjectErasureRequested)
    assert (asked.reason, asked.key_id) == ("asked", "k")
    assert client.status is SubjectStatus.ERASING
    client.request_erasure("again", NOON)
    client.confirm_erasure(NOON)
    client.confirm_erasure(NOON)
    client.request_erasure("once more", NOON)
    assert last(client, SubjectErased).key_id == "k"
    assert (client.version, client.status) == (3, SubjectStatus.ERASED)
    assert client.erasure is not None
    assert client.erasure.reason == "asked"


@pytest.mark.parametrize("confirmed", [False, True])
def test_from_the_intention_on_nothing_is_recorded(*, confirmed: bool) -> None:
    client = a_client(name="Alice")
    client.request_erasure("asked", NOON)
    if confirmed:
        client.confirm_erasure(NOON)
    with pytest.raises(Conflict) as refused:
        client.record({NAME: "Bob"}, SEALER, NOON)
    assert refused.value.code == "subject_erased"


def test_nobody_to_erase() -> None:
    client = a_client()
    with pytest.raises(NotFound) as refused:
        client.request_erasure("asked", NOON)
    assert refused.value.code == "subject_not_found"
    client.confirm_erasure(NOON)
    assert not client.pending


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            "name",
            ["A", "Zoë O'Brien-Ōta", "王小明", "x" * 200],
            ["", " A", "A\n", "\u202eA", "x" * 201],
        ),
        (
            "email",
            ["a@b.example", "a.b+c@d.e.example"],
            ["", "a", "a@b", "a@@b.c", "a b@c.d", "a@.b", "a@b.", "x" * 251 + "@b.c"],
        ),
        (
            "phone",
            ["+351912345678"],
            ["", "912345678", "+0123456789", "+351 912 345", "+١٢٣٤٥٦٧٨"],
        ),
        (
            "telegram",
            ["@alice", "@alice_5"],
            ["", "alice", "@al", "@1alice", "@" + "a" * 33],
        ),
    ],
)
def test_what_a_detail_looks_like(field: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        check(PersonalField(field), text)
    for text in bad:
        with pytest.raises(InvalidInput) as refused:
            check(PersonalField(field), text)
        assert (refused.value.code, refused.value.field) == ("invalid_detail", field)


@given(st.sampled_from(PersonalField), st.text("xyz@.+\x00 ", min_size=6))
def test_no_refusal_quotes_the_value(field: PersonalField, text: str) -> None:
    assert text not in refusal_of(field, text)


def refusal_of(field: PersonalField, text: str) -> str:
    try:
        check(field, text)
    except InvalidInput as error:
        return str(error)
    return ""
