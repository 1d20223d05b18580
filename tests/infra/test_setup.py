"""infra/setup.sh chooses the newest Python, installs by the lock, and does so once."""

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "cksum", "dirname", "grep", "mkdir", "cp", "chmod")

FAKE_PYTHON = """#!/bin/sh
# Answers as python does to infra/setup.sh, and records what it was asked.
echo "$0 $*" >>"$RECORD"
case "$1 $2" in
    "-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "--version "*) echo "Python of ${0##*/}" ;;
    "-c import sys;"*) exit EXIT ;;
esac
"""


class Checkout:
    """A folder with the script and a PATH with a few tools and what Pythons a test adds."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "a folder with spaces"
        self.path = directory / "bin"
        self.record = directory / "record"
        (self.root / "infra").mkdir(parents=True)
        self.path.mkdir()
        for name in ("requirements.lock", "pyproject.toml", "infra/setup.sh"):
            shutil.copy(REPOSITORY / name, self.root / name)
        for tool in TOOLS:
            program = shutil.which(tool)
            assert program is not None
            (self.path / tool).symlink_to(program)

    def add_python(self, name: str, *, suits: bool = True) -> None:
        program = self.path / name
        program.write_text(FAKE_PYTHON.replace("EXIT", "0" if suits else "1"))
        program.chmod(0o755)

    def set_up(self) -> subprocess.CompletedProcess[str]:
        """Run from elsewhere, as make -C would."""
        self.record.write_text("")
        return subprocess.run(
            [str(self.path / "sh"), str(self.root / "infra" / "setup.sh")],
            check=False,
            cwd="/",
            env={"PATH": str(self.path), "RECORD": str(self.record)},
            capture_output=True,
            text=True,
        )

    def asked(self) -> str:
        return self.record.read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_newest_suitable_python_is_chosen(checkout: Checkout) -> None:
    checkout.add_python("python3.11")
    checkout.add_python("python3.12")
    checkout.add_python("python3.13", suits=False)
    done = checkout.set_up()
    assert done.returncode == 0, done.stderr
    assert "Python of python3.12" in done.stderr
    assert "pip install -qq --require-hashes -r requirements.lock" in checkout.asked()


def test_the_second_time_there_is_nothing_to_do(checkout: Checkout) -> None:
    checkout.add_python("python3.11")
    checkout.set_up()
    again = checkout.set_up()
    assert (again.returncode, again.stderr) == (0, "")
    assert "pip" not in checkout.asked()


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_is_installed(checkout: Checkout, changed: str) -> None:
    checkout.add_python("python3.11")
    checkout.set_up()
    with (checkout.root / changed).open("a") as file:
        file.write("# changed\n")
    checkout.set_up()
    assert "pip install" in checkout.asked()


def test_a_moved_checkout_is_set_up_anew(checkout: Checkout) -> None:
    checkout.add_python("python3.11")
    checkout.set_up()
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    checkout.set_up()
    assert "pip install" in checkout.asked()


@pytest.mark.parametrize("old", [True, False])
def test_no_suitable_python_is_said_in_words(checkout: Checkout, old: bool) -> None:
    if old:
        checkout.add_python("python3", suits=False)
    done = checkout.set_up()
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr


def test_the_lock_is_complete_and_names_no_index() -> None:
    text = (REPOSITORY / "requirements.lock").read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    blocks = text.replace("\\\n", "").splitlines()
    assert all("==" in block and "--hash=sha256:" in block for block in blocks if block)
