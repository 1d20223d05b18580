"""The personal details that can be recorded of a client, and what each looks like."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from domain.errors import InvalidInput


class PersonalField(StrEnum):
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    TELEGRAM = "telegram"


class _Rule(NamedTuple):
    """``words`` goes on after the field's name."""

    holds: Callable[[str], object]
    words: str


def _is_name(text: str) -> bool:
    return text.isprintable() and text == text.strip() and 1 <= len(text) <= 200


def _is_email(text: str) -> bool:
    return text.isprintable() and len(text) <= 254 and bool(_EMAIL.fullmatch(text))


_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_TELEGRAM = re.compile(r"@[A-Za-z][A-Za-z0-9_]{4,31}", re.ASCII)

_RULES: Mapping[PersonalField, _Rule] = {
    PersonalField.NAME: _Rule(_is_name, "has 1 to 200 printable characters, no space around them"),
    PersonalField.EMAIL: _Rule(_is_email, "is an address like name@example.com"),
    PersonalField.PHONE: _Rule(_PHONE.fullmatch, "is a number like +351912345678"),
    PersonalField.TELEGRAM: _Rule(_TELEGRAM.fullmatch, "is a handle like @name_5"),
}


def check(field: PersonalField, text: str) -> None:
    """Raises InvalidInput ``invalid_detail``, which names the field and never its value."""
    rule = _RULES[field]
    if not rule.holds(text):
        raise InvalidInput("invalid_detail", f"{field} {rule.words}", field)
