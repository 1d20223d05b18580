"""The pages for people, and the commands they name."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`(patriot [^`]+)`")
_END_OF_COMMAND = re.compile(r"\s(?:#|\||>|&&)\s")


def commands(page: Path) -> Iterator[str]:
    """Every command line and every command in the text that begins with ``patriot``."""
    text = page.read_text()
    for _, block in _FENCED.findall(text):
        for line in block.splitlines():
            start = line.find("patriot ")
            if start >= 0 and line[:start].strip() in ("", "$", "docker compose exec api"):
                yield _END_OF_COMMAND.split(line[start:])[0]
    for named in _INLINE.findall(_FENCED.sub("", text)):
        yield " ".join(named.split())


def console_lines(page: Path) -> list[str]:
    """What stands after a prompt, in order."""
    blocks = [block for kind, block in _FENCED.findall(page.read_text()) if kind == "console"]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ ")]


def words(command: str) -> list[str]:
    """The arguments after ``patriot``."""
    program, *arguments = shlex.split(command)
    assert program == "patriot"
    return arguments
