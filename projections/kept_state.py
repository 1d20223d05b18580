"""What a fold must remember of an aggregate between two batches, as JSON beside its row."""

from collections.abc import Collection
from typing import Generic, TypeVar, get_type_hints

import msgspec

from domain.aggregate import Aggregate

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)

_encode = msgspec.json.Encoder().encode


class KeptState(Generic[AnyAggregate]):
    """Saves the attributes an aggregate declares, and restores them.

    Left out are those ``in_row``, which the row has under the same name, and those ``without``:
    what grows without bound, or is large, and no event reads. Keeping that would make every page
    cost more than the one before.
    """

    def __init__(
        self,
        aggregate: type[AnyAggregate],
        *,
        in_row: Collection[str],
        without: Collection[str],
    ) -> None:
        self._aggregate = aggregate
        self._in_row = tuple(in_row)
        hints = get_type_hints(aggregate)
        left_out = {"category", *in_row, *without}
        self._names = [name for name in aggregate.__annotations__ if name not in left_out]
        self._struct = msgspec.defstruct(
            f"{aggregate.__name__}State",
            [(name, hints[name]) for name in self._names],
            array_like=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(self._struct).decode

    def save(self, aggregate: AnyAggregate) -> msgspec.Raw:
        values = [getattr(aggregate, name) for name in self._names]
        return msgspec.Raw(_encode(self._struct(*values)))

    def restore(self, aggregate_id: str, row: msgspec.Struct, state: msgspec.Raw) -> AnyAggregate:
        """The aggregate; its version is the caller's to set."""
        aggregate = self._aggregate.empty(aggregate_id)
        kept = self._decode(state)
        for name in self._names:
            setattr(aggregate, name, getattr(kept, name))
        for name in self._in_row:
            setattr(aggregate, name, getattr(row, name))
        return aggregate
