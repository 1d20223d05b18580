"""Errors as ``application/problem+json`` (RFC 9457)."""

import re
from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from api.errors import ERROR_CODES
from domain.risk.verdict import Verdict

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:patriot:problem:"

_encode = msgspec.json.Encoder().encode
_UNENCODABLE = re.compile("[\ud800-\udfff]")


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one field; nested fields are joined by dots."""

    code: str
    detail: str
    field: str | None = None


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """The members of RFC 9457, and ours: code, correlation_id, and what the code calls for."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    correlation_id: str
    field: str | None = None
    errors: Sequence[FieldError] = ()
    order_id: str | None = None
    position: int | None = None
    verdicts: Sequence[Verdict] = ()


def problem_response(
    code: str,
    detail: str,
    correlation_id: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    field: str | None = None,
    errors: Sequence[FieldError] = (),
    order_id: str | None = None,
    position: int | None = None,
    verdicts: Sequence[Verdict] = (),
) -> Response:
    """The answer for a code. ``status`` is needed only for a code outside the table."""
    known = ERROR_CODES.get(code)
    number = known.status if known else status or 500
    document = ProblemDocument(
        type=TYPE_PREFIX + code,
        title=known.meaning if known else code.replace("_", " "),
        status=number,
        code=code,
        detail=encodable(detail),
        correlation_id=correlation_id,
        field=encodable(field) if field else None,
        errors=errors,
        order_id=order_id,
        position=position,
        verdicts=verdicts,
    )
    return Response(_encode(document), number, headers, MEDIA_TYPE)


def encodable(text: str) -> str:
    """The text without lone surrogates, which JSON can name and UTF-8 cannot hold."""
    return _UNENCODABLE.sub("\ufffd", text)
