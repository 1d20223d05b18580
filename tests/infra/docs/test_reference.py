"""The committed reference pages say what the code says."""

from pathlib import Path

import pytest

from infra.docs.__main__ import PAGES, main, outdated

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_committed_pages_are_current() -> None:
    assert outdated(REFERENCE) == []


def test_an_outdated_page_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    page = tmp_path / next(iter(PAGES))
    page.write_text("old")
    assert main(["--check", str(tmp_path)]) == 1
    assert str(page) in capsys.readouterr().err
