"""From pydantic's findings to our own stable codes."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import ERROR_CODES
from api.problem import FieldError, encodable

_CODES: Mapping[str, tuple[str, str]] = {
    "missing": ("missing_field", "this field is required"),
    "extra_forbidden": ("unknown_field", "there is no such field"),
    "enum": ("invalid_enum", "not one of the words admitted here"),
    "literal_error": ("invalid_enum", "not one of the words admitted here"),
    "string_too_short": ("invalid_text", "too short"),
    "string_too_long": ("invalid_text", "too long"),
    "string_pattern_mismatch": ("invalid_text", "characters that are not admitted here"),
    "string_unicode": ("invalid_text", "not valid Unicode"),
    "too_long": ("out_of_range", "too many items"),
    "too_short": ("out_of_range", "too few items"),
    "greater_than": ("out_of_range", "too small"),
    "greater_than_equal": ("out_of_range", "too small"),
    "less_than": ("out_of_range", "too large"),
    "less_than_equal": ("out_of_range", "too large"),
}
_FALLBACK = ("invalid_value", "not admitted here")
_PLACES = frozenset({"body", "query", "path", "header"})
MAX_ERRORS = 20


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """One entry for each of the first MAX_ERRORS findings; inputs are not echoed."""
    return [_field_error(error) for error in errors[:MAX_ERRORS]]


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind: str = error["type"]
    field = _field(error["loc"])
    if kind in ERROR_CODES:
        return FieldError(kind, error["msg"], field)
    if kind not in _CODES and kind.endswith("_type"):
        return FieldError("wrong_type", "a value of the wrong JSON type", field)
    code, detail = _CODES.get(kind, _FALLBACK)
    return FieldError(code, detail, field)


def _field(location: Sequence[str | int]) -> str | None:
    names = location[1:] if location and location[0] in _PLACES else location
    return encodable(".".join(str(name)[:100] for name in names)) or None
