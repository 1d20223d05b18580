"""One core for all commands, and a command line that finds it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.process import RunningCore, running
from tests.infra.cli.running import CommandLine


@pytest.fixture(scope="module")
def core() -> Iterator[RunningCore]:
    directory = Path(tempfile.mkdtemp(prefix="patriot-cli-"))
    with running(directory / "data") as core:
        yield core
        assert core.stop() == 0
    shutil.rmtree(directory)


@pytest.fixture
def patriot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    """On a data directory where nothing runs."""
    for name in [name for name in os.environ if name.startswith("PATRIOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATRIOT_DATA_DIR", str(tmp_path / "data"))
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
def at_core(patriot: CommandLine, core: RunningCore) -> CommandLine:
    patriot.set_environment(PATRIOT_DATA_DIR=str(core.data_dir))
    return patriot
