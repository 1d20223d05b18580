"""The types of fields that answers are made of."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Decimal = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["0.5"])]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
LogPosition = Annotated[int, Field(ge=0, description="Where in the log; `at_least` takes it.")]

ItemT = TypeVar("ItemT")


class Document(BaseModel):
    """Base of answers: no field that is not named here."""

    model_config = ConfigDict(extra="forbid")


class Items(Document, Generic[ItemT]):
    """A page; ``next_cursor`` is null on the last one."""

    items: list[ItemT]
    next_cursor: str | None


class Done(Document):
    """A command that is done: reads with ``at_least`` this position show it."""

    position: LogPosition
