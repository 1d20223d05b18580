"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

from infra.settings import Settings, load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Key = Annotated[
    str | None,
    typer.Option("--key", help="Idempotency key: the same key again is the same request."),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where everything is kept [PATRIOT_DATA_DIR].")
]
Reason = Annotated[str, typer.Option("--reason", help="Recorded with the change.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")]


def settings_for(data_dir: Path | None = None, **overrides: object) -> Settings:
    """The settings, with what the command line gives instead. Raises SettingsError."""
    given = {"data_dir": data_dir, **overrides}
    return load_settings(**{name: value for name, value in given.items() if value is not None})
