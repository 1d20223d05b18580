"""A data directory for cores that run as processes of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # published without type information
import pytest

from tests.end_to_end.process import STOP_SECONDS


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Outside pytest's own temporary directory, which keeps others out: root's servers are not."""
    directory = Path(tempfile.mkdtemp(prefix="patriot-e2e-"))
    yield directory / "data"
    wait_for_servers_of(directory)
    shutil.rmtree(directory)


def wait_for_servers_of(directory: Path) -> None:
    """The servers of a killed core stop by themselves, a moment after it."""
    servers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in argument for argument in process.info["cmdline"] or ())
    ]
    _, left = psutil.wait_procs(servers, STOP_SECONDS)
    assert not left, f"still running: {left}"
