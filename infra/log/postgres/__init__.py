"""The event log in PostgreSQL: the default that needs no server of its own."""

from infra.log.postgres.log import PostgresEventLog

__all__ = ["PostgresEventLog"]
