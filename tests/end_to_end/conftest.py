"""A data directory for cores that run as processes of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Outside pytest's own temporary directory, which keeps others out: root's servers are not."""
    directory = Path(tempfile.mkdtemp(prefix="patriot-e2e-"))
    yield directory / "data"
    shutil.rmtree(directory)
