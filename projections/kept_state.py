"""What a fold must remember of an aggregate between two batches, as JSON beside its row."""

from collections.abc import Collection
from typing import Any, Generic, TypeVar, get_type_hints

import msgspec

from domain.aggregate import Aggregate

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)

_encode = msgspec.json.Encoder().encode


class KeptState(Generic[AnyAggregate]):
    """Saves the attributes an aggregate declares, except ``without``, and restores them.

    ``without`` names what grows without bound and no event reads: keeping it would make every
    batch cost more than the one before. Attributes that are as in an empty aggregate are left out.
    """

    def __init__(self, aggregate: type[AnyAggregate], without: Collection[str]) -> None:
        self._aggregate = aggregate
        start = vars(aggregate.empty(""))
        hints = get_type_hints(aggregate)
        self._names = [
            name for name in aggregate.__annotations__ if name not in without and name != "category"
        ]
        fields = [_field(name, hints[name], start) for name in self._names]
        self._struct = msgspec.defstruct(
            f"{aggregate.__name__}State", fields, omit_defaults=True, gc=False
        )
        self._decode = msgspec.json.Decoder(self._struct).decode

    def save(self, aggregate: AnyAggregate) -> msgspec.Raw:
        values = [getattr(aggregate, name, None) for name in self._names]
        return msgspec.Raw(_encode(self._struct(*values)))

    def restore(self, aggregate_id: str, version: int, state: msgspec.Raw) -> AnyAggregate:
        aggregate = self._aggregate.empty(aggregate_id)
        kept = self._decode(state)
        for name in self._names:
            setattr(aggregate, name, getattr(kept, name))
        aggregate.version = version
        return aggregate


def _field(name: str, hint: Any, start: dict[str, object]) -> tuple[str, Any, Any]:
    return (name, hint, start[name]) if name in start else (name, hint, None)
