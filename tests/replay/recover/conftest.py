"""Data directories, cores and the command line, as the tests that lent them have them."""

from tests.end_to_end.conftest import data_dir
from tests.infra.cli.conftest import at_core, core, patriot

__all__ = ["at_core", "core", "data_dir", "patriot"]
