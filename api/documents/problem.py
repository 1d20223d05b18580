"""Problems (RFC 9457) as they are answered, and where every route can answer them."""

from typing import Any

from api.documents.fields import Document, Id, LogPosition
from api.problem import MEDIA_TYPE


class FieldErrorDocument(Document):
    code: str
    detail: str
    field: str = ""


class VerdictDocument(Document):
    control: str
    passed: bool
    scope: str
    limit_version: int
    limit: str = ""
    measured: str = ""
    code: str = ""
    message: str = ""


class Problem(Document):
    """``code`` is stable; see the reference of errors."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    correlation_id: str
    field: str = ""
    errors: tuple[FieldErrorDocument, ...] = ()
    order_id: Id = ""
    position: LogPosition = 0
    verdicts: tuple[VerdictDocument, ...] = ()


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI pages: every status a route may answer that is not a success."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": "A problem; its `code` says which.", "content": content}
        for status in ("4XX", "5XX")
    }
