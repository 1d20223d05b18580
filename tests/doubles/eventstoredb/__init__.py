"""A wire-level double of EventStoreDB: real gRPC, state in memory.

It serves ``event_store.client.streams.Streams`` (Read, BatchAppend, Delete, Tombstone) and
``event_store.client.gossip.Gossip`` with the messages that the client package ships. It is
faithful to the server's source as far as this project relies on it; it has not yet been compared
with a real server. The contract suite of the log runs against both once
``PATRIOT_TEST_EVENTSTOREDB_URI`` is set.
"""

from tests.doubles.eventstoredb.faults import Faults
from tests.doubles.eventstoredb.server import EventStoreDBDouble
from tests.doubles.eventstoredb.store import Store

__all__ = ["EventStoreDBDouble", "Faults", "Store"]
