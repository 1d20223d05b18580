"""The event log on EventStoreDB, through its Python client's connection and generated stubs."""

from infra.log.eventstoredb.log import EventStoreDBEventLog
from infra.log.eventstoredb.patience import Patience

__all__ = ["EventStoreDBEventLog", "Patience"]
