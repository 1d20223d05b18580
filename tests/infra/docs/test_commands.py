"""Every command that a page names is there, with its options; a complete one parses."""

from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from infra.cli.main import app
from tests.infra.docs.pages import PAGES, ROOT, commands, console_lines, words

NAMED = sorted({(str(p.relative_to(ROOT)), command) for p in PAGES for command in commands(p)})


def resolve(arguments: list[str]) -> tuple[TyperCommand, list[str]]:
    """The command, and what is left for it."""
    command = typer.main.get_command(app)
    rest = list(arguments)
    while isinstance(command, TyperGroup):
        name = rest.pop(0)
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    assert isinstance(command, TyperCommand)
    return command, rest


def options(command: TyperCommand) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


def test_pages_name_commands() -> None:
    assert len(NAMED) > 40
    assert {page for page, _ in NAMED} >= {"README.md", "docs/runbooks/halt.md"}


@pytest.mark.parametrize(("page", "named"), NAMED, ids=[named for _, named in NAMED])
def test_it_is_there_with_its_options(page: str, named: str) -> None:
    for alternative in alternatives(named):
        command, rest = resolve(words(alternative))
        given = {word for word in rest if word.startswith("--")}
        assert given <= options(command), page


def alternatives(named: str) -> list[str]:
    """``patriot status | doctor`` names two."""
    first, *others = named.split(" | ")
    return [first, *(f"patriot {other}" for other in others)]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_console_lines_parse_as_they_stand(page: Path) -> None:
    for line in console_lines(page):
        command, rest = resolve(words(line))
        command.make_context(command.name, rest, resilient_parsing=False).close()


@pytest.mark.parametrize("wrong", ["patriot status --all", "patriot account close X", "patriot x"])
def test_what_is_not_there_is_found_out(wrong: str) -> None:
    with pytest.raises(AssertionError):
        test_it_is_there_with_its_options("nowhere", wrong)
