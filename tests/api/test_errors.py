"""Every code that is raised anywhere is in the table."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import api
import domain
from api.errors import ERROR_CODES, GROUPS, Problem
from api.errors_page import render

RAISED = {
    "InvalidInput": 0, "NotFound": 0, "Conflict": 0, "Refused": 0, "Busy": 0, "VenueDataError": 0,
    "Problem": 0, "PydanticCustomError": 0, "at_most": 4, "unscoped": 3, "verdict": 4,
    "problem_response": 0, "Failed": 0, "FieldError": 0,
}  # fmt: skip
"""Which argument of each is the code."""


def codes_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            index = RAISED.get(node.func.id)
            if index is not None and len(node.args) > index:
                yield from constants(tree, node.args[index])


def constants(tree: ast.Module, node: ast.expr) -> Iterator[tuple[str, int]]:
    """The codes an argument can be: a literal, or any value of a table of this module."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, node.lineno
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        for table in ast.walk(tree):
            if isinstance(table, ast.Assign) and isinstance(table.value, ast.Dict):
                names = [target.id for target in table.targets if isinstance(target, ast.Name)]
                if node.value.id in names:
                    for value in table.value.values:
                        yield from constants(tree, value)


def raised() -> Iterator[tuple[str, str]]:
    for package in (domain, api):
        root = Path(inspect.getfile(package)).parent
        for file in sorted(root.rglob("*.py")):
            for code, line in codes_in(ast.parse(file.read_text(encoding="utf-8"))):
                yield code, f"{file.relative_to(root.parent)}:{line}"


def test_every_code_is_in_the_table() -> None:
    found = list(raised())
    assert len(found) > 80
    assert [(code, where) for code, where in found if code not in ERROR_CODES] == []


def test_codes_of_controls_are_found() -> None:
    codes = {code for code, _ in raised()}
    assert {"trading_reducing", "quote_stale", "max_exposure_exceeded", "off_tick"} <= codes


def test_no_code_is_in_two_groups() -> None:
    assert sum(len(group) for group in GROUPS.values()) == len(ERROR_CODES)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_codes_are_words_with_a_status_and_a_sentence(code: str) -> None:
    error = ERROR_CODES[code]
    assert code.replace("_", "").isalpha()
    assert code.islower()
    assert 400 <= error.status < 600
    assert error.meaning.endswith(".")
    assert Problem(code, "detail").status_code == error.status


def test_the_reference_page_names_all_codes() -> None:
    page = render()
    for code, error in ERROR_CODES.items():
        assert f"| `{code}` | {error.status} | {error.meaning} |" in page
