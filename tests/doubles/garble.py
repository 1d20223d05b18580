"""What networks, proxies and venues make of an answer on a bad day."""

import json
import random
from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]

_NUMBERS = ("quantity", "price", "stop_price")
_NO_NUMBERS = ("NaN", "Infinity", "-1", "0", "1e400", "1,5", None)


def garble(raw: str, dice: random.Random) -> str:
    """The same answer so that nobody can take it for one."""
    return dice.choice(_WAYS)(raw, dice)


def _cut(raw: str, dice: random.Random) -> str:
    return raw[: dice.randrange(len(raw))]


def _other_page(raw: str, dice: random.Random) -> str:
    del raw
    return dice.choice(("<html>502 Bad Gateway</html>", "", "null", "[]", '{"code":-1000}'))


def _without_a_field(raw: str, dice: random.Random) -> str:
    fields: Fields = json.loads(raw)
    del fields[dice.choice(sorted(fields))]
    return json.dumps(fields)


def _of_no_type(raw: str, dice: random.Random) -> str:
    return json.dumps({**json.loads(raw), "type": f"Odd{dice.randrange(10)}"})


def _at_another_time(raw: str, dice: random.Random) -> str:
    year = dice.choice(("1970", "2260"))
    return json.dumps({**json.loads(raw), "at": f"{year}-01-01T00:00:00Z"})


def _with_no_number(raw: str, dice: random.Random) -> str:
    fields: Fields = json.loads(raw)
    numbers = [name for name in _NUMBERS if name in fields]
    if not numbers:
        return _cut(raw, dice)
    return json.dumps({**fields, dice.choice(numbers): dice.choice(_NO_NUMBERS)})


def _of_no_symbol(raw: str, dice: random.Random) -> str:
    fields: Fields = json.loads(raw)
    if "symbol" not in fields:
        return _cut(raw, dice)
    return json.dumps({**fields, "symbol": "NOPEUSDT"})


_WAYS: tuple[Callable[[str, random.Random], str], ...] = (
    _cut,
    _other_page,
    _without_a_field,
    _of_no_type,
    _at_another_time,
    _with_no_number,
    _of_no_symbol,
)
