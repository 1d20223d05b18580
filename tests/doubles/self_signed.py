"""A certificate for 127.0.0.1 that signs itself, made for one test run: X.509 v3, RSA, SHA-256."""

import base64
import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_RSA = bytes.fromhex("06092a864886f70d0101010500")
_RSA_WITH_SHA256 = bytes.fromhex("06092a864886f70d01010b0500")
_SHA256_DIGEST = bytes.fromhex("3031300d060960864801650304020105000420")
_COMMON_NAME = bytes.fromhex("0603550403")
_SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")
_BASIC_CONSTRAINTS = bytes.fromhex("0603551d13")
_LOOPBACK = bytes([0x87, 4, 127, 0, 0, 1])
_EXPONENT = 65_537
_BITS = 2_048


class SelfSigned(NamedTuple):
    """Both in PEM."""

    certificate: bytes
    key: bytes


def self_signed(now: datetime, seed: int) -> SelfSigned:
    """Valid for a day around ``now``. The key is as secret as the seed: for tests alone."""
    rng = random.Random(seed)
    p, q = _prime(rng), _prime(rng)
    modulus, secret = p * q, pow(_EXPONENT, -1, (p - 1) * (q - 1))
    to_sign = _to_sign(modulus, now)
    signature = _sign(to_sign, modulus, secret)
    certificate = _sequence(to_sign, _sequence(_RSA_WITH_SHA256), _bits(signature))
    numbers = (0, modulus, _EXPONENT, secret, p, q, secret % (p - 1), secret % (q - 1))
    key = _sequence(*map(_integer, (*numbers, pow(q, -1, p))))
    return SelfSigned(_pem("CERTIFICATE", certificate), _pem("RSA PRIVATE KEY", key))


def _to_sign(modulus: int, now: datetime) -> bytes:
    name = _sequence(_tag(0x31, _sequence(_COMMON_NAME, _tag(0x0C, b"127.0.0.1"))))
    public = _sequence(_integer(modulus), _integer(_EXPONENT))
    extensions = _sequence(
        _sequence(_SUBJECT_ALT_NAME, _tag(0x04, _sequence(_LOOPBACK))),
        _sequence(_BASIC_CONSTRAINTS, _tag(0x04, _sequence(bytes.fromhex("0101ff")))),
    )
    return _sequence(
        _tag(0xA0, _integer(2)),
        _integer(1),
        _sequence(_RSA_WITH_SHA256),
        name,
        _sequence(_time(now - timedelta(hours=12)), _time(now + timedelta(hours=12))),
        name,
        _sequence(_sequence(_RSA), _bits(public)),
        _tag(0xA3, extensions),
    )


def _sign(message: bytes, modulus: int, secret: int) -> bytes:
    digest = _SHA256_DIGEST + hashlib.sha256(message).digest()
    size = _BITS // 8
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded, "big"), secret, modulus).to_bytes(size, "big")


def _prime(rng: random.Random) -> int:
    half = _BITS // 2
    while True:
        candidate = rng.getrandbits(half) | 3 << (half - 2) | 1
        if candidate % _EXPONENT != 1 and _is_probably_prime(candidate, rng):
            return candidate


def _is_probably_prime(number: int, rng: random.Random) -> bool:
    """Miller and Rabin's test, 20 rounds."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(20):
        power = pow(rng.randrange(2, number - 1), odd, number)
        squares = [pow(power, 1 << i, number) for i in range(twos)]
        if power != 1 and number - 1 not in squares:
            return False
    return True


def _tag(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(length)]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _tag(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tag(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _tag(0x03, b"\x00" + content)


def _time(instant: datetime) -> bytes:
    return _tag(0x17, instant.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode())


def _pem(kind: str, der: bytes) -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n".encode()
