"""``python -m infra.docs [--check] [DIRECTORY]``: write the reference pages, or check them."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from api import errors_page
from infra.docs import events, metrics, settings

PAGES: Mapping[str, Callable[[], str]] = {
    "errors.md": errors_page.render,
    "events.md": events.render,
    "metrics.md": metrics.render,
    "settings.md": settings.render,
}
DIRECTORY = Path("docs/reference")


def write(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        (directory / name).write_text(render(), encoding="utf-8")


def outdated(directory: Path) -> list[Path]:
    """The pages that differ from what the code says now."""
    paths = {directory / name: render for name, render in PAGES.items()}
    return [
        path
        for path, render in paths.items()
        if not path.exists() or path.read_text(encoding="utf-8") != render()
    ]


def main(arguments: list[str]) -> int:
    """0 done or current; 1 some page is outdated."""
    options = {argument for argument in arguments if argument.startswith("-")}
    names = [argument for argument in arguments if argument not in options]
    directory = Path(names[0]) if names else DIRECTORY
    if "--check" not in options:
        write(directory)
        return 0
    stale = outdated(directory)
    for path in stale:
        sys.stderr.write(f"{path} is outdated: run make docs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
