"""Parameters of routes that read them themselves, with the same checks and the same answers."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from api.fields import UuidText
from api.route import refuse_repeated_parameters
from api.routes.queries import Reading

_uuid = TypeAdapter(UuidText)


def path_uuid(request: Request, name: str) -> str:
    """Raises RequestValidationError, code ``invalid_uuid``."""
    try:
        return _uuid.validate_python(request.path_params[name])
    except ValidationError as error:
        raise RequestValidationError(
            [{**e, "loc": ("path", name)} for e in error.errors()]
        ) from error


def reading_of(request: Request) -> Reading:
    """Raises RequestValidationError, Problem ``duplicate_parameter``."""
    refuse_repeated_parameters(request.scope)
    try:
        return Reading.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def path_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """For the OpenAPI pages."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


ORDER_ID = path_parameter("order_id", {"type": "string", "format": "uuid"})
READING = [
    {
        "name": name,
        "in": "query",
        "required": False,
        "description": Reading.__doc__,
        "schema": schema,
    }
    for name, schema in Reading.model_json_schema()["properties"].items()
]
"""For the OpenAPI pages: what ``reading_of`` takes."""
