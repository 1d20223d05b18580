"""Sealed values open where they were sealed and nowhere else, and show nothing."""

import os
from base64 import b64decode, b64encode

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.client.sealed import Place, SealBroken, Sealed
from infra.subject_keys.aes_gcm_sealer import BLOCK, AesGcmSealer

KEY = bytes(range(32))
KEY_ID = "00000000-0000-4000-8000-000000000001"
SEALER = AesGcmSealer(KEY_ID, KEY)

texts = st.text(max_size=300)
words = st.text("abcxyz-0123456789", min_size=1, max_size=20)
places = st.builds(
    Place,
    stream=st.text(min_size=1, max_size=20),
    version=st.integers(1, 10**6),
    field=st.text(max_size=10),
)


@given(texts, places)
def test_what_is_sealed_opens(text: str, place: Place) -> None:
    assert SEALER.open(SEALER.seal(text, place), place) == text


@given(texts, st.builds(Place, stream=words, version=st.integers(1, 99), field=words))
def test_the_form_is_a_promise(text: str, place: Place) -> None:
    """Read with nothing but the cipher: what is stored today can be read by any later version."""
    sealed = SEALER.seal(text, place)
    bound_to = f'["patriot sealed 1","{place.stream}",{place.version},"{place.field}"]'
    nonce, ciphertext = b64decode(sealed.nonce), b64decode(sealed.ciphertext)
    padded = AESGCM(KEY).decrypt(nonce, ciphertext, bound_to.encode())
    assert padded.rstrip(b"\x00") == text.encode() + b"\x80"
    assert len(padded) % BLOCK == 0


@given(texts, places, places)
def test_it_opens_nowhere_else(text: str, place: Place, other: Place) -> None:
    assume(place != other)
    with pytest.raises(SealBroken, match="altered, moved"):
        SEALER.open(SEALER.seal(text, place), other)


@given(texts, places, st.data())
def test_any_changed_bit_is_noticed(text: str, place: Place, data: st.DataObject) -> None:
    sealed = SEALER.seal(text, place)
    name = data.draw(st.sampled_from(["nonce", "ciphertext"]))
    content = bytearray(b64decode(getattr(sealed, name)))
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    changed = msgspec.structs.replace(sealed, **{name: b64encode(content).decode()})
    with pytest.raises(SealBroken) as broken:
        SEALER.open(changed, place)
    assert "erased" not in str(broken.value)


@given(texts, places, st.text(max_size=40), st.text(max_size=40))
def test_anything_else_in_its_place_is_noticed(
    text: str, place: Place, nonce: str, ciphertext: str
) -> None:
    for sealed in (Sealed(KEY_ID, nonce, ciphertext), Sealed(KEY_ID, "", ""), Sealed("", "", "")):
        with pytest.raises(SealBroken):
            SEALER.open(sealed, place)
    cut = SEALER.seal(text, place)
    with pytest.raises(SealBroken):
        SEALER.open(msgspec.structs.replace(cut, ciphertext=cut.ciphertext[:-4]), place)


@given(texts, places)
def test_another_key_opens_nothing(text: str, place: Place) -> None:
    sealed = SEALER.seal(text, place)
    others = (AesGcmSealer(KEY_ID, os.urandom(32)), AesGcmSealer("another", KEY))
    for other in others:
        with pytest.raises(SealBroken):
            other.open(sealed, place)


@given(st.text(min_size=6, max_size=300), places)
def test_nothing_of_it_shows(text: str, place: Place) -> None:
    sealed = SEALER.seal(text, place)
    stored = f"{sealed.nonce} {sealed.ciphertext}".encode() + b64decode(sealed.ciphertext)
    assert text.encode() not in stored
    assert b64encode(text.encode()).rstrip(b"=")[:-1] not in stored


@given(texts, texts, places)
def test_lengths_tell_little_and_nothing_looks_the_same_twice(
    one: str, other: str, place: Place
) -> None:
    sealed = [SEALER.seal(text, place) for text in (one, other, one)]
    assert len({each.nonce for each in sealed}) == 3
    assert len({each.ciphertext for each in sealed}) == 3
    blocks = [len(text.encode()) // BLOCK for text in (one, other)]
    lengths = [len(each.ciphertext) for each in sealed[:2]]
    assert (blocks[0] == blocks[1]) == (lengths[0] == lengths[1])


def test_a_key_does_not_show_itself() -> None:
    assert KEY.hex() not in repr(SEALER) + str(vars(SEALER))
    assert repr(KEY) not in repr(SEALER) + str(vars(SEALER))
