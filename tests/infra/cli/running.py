"""The command line in this process: what it prints, and how it exits."""

import json
import sys
from typing import Any, NamedTuple

import pytest

from infra.cli.main import main
from infra.cli.output import console, errors


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code in (0, 1), self
        return json.loads(self.out)


class CommandLine:
    """``patriot`` on a terminal of 80 columns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.set_width(80)
        # The priority of this process would be lower for all later tests.
        monkeypatch.setattr("infra.cli.rebuild.step_back", lambda: None)

    def set_width(self, columns: int) -> None:
        self._monkeypatch.setenv("COLUMNS", str(columns))
        self._monkeypatch.setattr(console, "_width", columns)
        self._monkeypatch.setattr(errors, "_width", columns)

    def set_environment(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["patriot", *arguments])
        self._capsys.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as exit_:
            code = exit_.code or 0
        captured = self._capsys.readouterr()
        assert isinstance(code, int)
        return Ended(code, captured.out, captured.err)
