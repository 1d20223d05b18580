"""A running core and a command line on it."""

from tests.infra.cli.conftest import at_core, core, patriot

__all__ = ["at_core", "core", "patriot"]
