"""The types of fields that requests are made of; each refuses with a code of its own."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from domain.decimals import parse_decimal
from domain.errors import InvalidInput

MAX_POSITION = 2**63 - 1

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_WHOLE = re.compile(r"(?:0|[1-9][0-9]{0,18})", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$"


class Body(BaseModel):
    """Base of request bodies: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "a JSON string is expected")
    return value


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", 'a decimal is a JSON string, like "0.5"')
    try:
        return parse_decimal(value, "it")
    except InvalidInput as error:
        raise PydanticCustomError("invalid_decimal", "not a plain decimal number") from error


def _uuid(value: Any) -> str:
    if not _UUID.fullmatch(_text(value)):
        raise PydanticCustomError("invalid_uuid", "not a UUID")
    return str(value).lower()


def _time(value: Any) -> datetime:
    if not _TIME.fullmatch(_text(value)):
        raise PydanticCustomError("invalid_time", "not an RFC 3339 time with a zone")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("invalid_time", "there is no such time") from error


def _whole(value: Any) -> int:
    """A whole number in a query string; in a body it must be a JSON integer."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise PydanticCustomError("wrong_type", "a whole number is expected")


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("wrong_type", "a JSON integer is expected")
    return value


DecimalText = Annotated[
    Decimal,
    PlainValidator(_decimal),
    WithJsonSchema({"type": "string", "pattern": _DECIMAL_PATTERN, "examples": ["0.5"]}),
]
UuidText = Annotated[
    str, PlainValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})
]
Instant = Annotated[
    datetime, PlainValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
Flag = StrictBool
Symbol = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_]{1,30}$")]
Asset = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9]{1,20}$")]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._-]{1,64}$")]
ClientOrderId = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,64}$")]
ScopeName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._:-]{1,80}$")]
Reason = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
Text = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Count = Annotated[int, BeforeValidator(_integer), Field(ge=0, le=1_000_000_000)]
Position = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=MAX_POSITION)]
PageLimit = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=500)]
AsOf = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x20-\x7e]{1,64}$")]
