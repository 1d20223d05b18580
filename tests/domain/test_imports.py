"""The law: what the domain may import, name by name."""

import ast
import sys
from pathlib import Path

import pytest

DOMAIN = Path(__file__).resolve().parents[2] / "domain"
ADMITTED = {"domain", "msgspec", "eventsourcing.domain"}


def imported(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the domain imports by full name"
            modules.add(str(node.module))
    return modules


def is_admitted(module: str) -> bool:
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in ADMITTED or module in ADMITTED


@pytest.mark.parametrize("path", sorted(DOMAIN.rglob("*.py")), ids=lambda path: path.stem)
def test_the_domain_imports_itself_and_little_else(path: Path) -> None:
    assert {module for module in imported(path) if not is_admitted(module)} == set()


@pytest.mark.parametrize("module", ["grpc", "eventsourcing.postgres", "infra.clock", "asyncpg"])
def test_what_it_may_not_import_is_noticed(module: str) -> None:
    assert not is_admitted(module)
