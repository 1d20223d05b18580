"""Data directories and the command line, as the tests that lent them have them."""

from tests.end_to_end.conftest import data_dir
from tests.infra.cli.conftest import patriot

__all__ = ["data_dir", "patriot"]
