"""The reference of settings, from the settings class itself."""

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from infra.settings import CONFIG_FILE, PREFIX, Settings

_HEADER = f"""# Settings

Each is an environment variable, or the lower-case name without `{PREFIX}` in a TOML file that
`{CONFIG_FILE}` names. A command's option wins over the environment, the environment over the file.
An unknown, corrupt or unsafe setting stops the start with exit code 2 and a message that names it.
A file that holds a secret must be readable by its owner alone.
This page is generated from the code: `make docs`.

| variable | default | meaning |
|---|---|---|
"""


def render() -> str:
    """The page as Markdown."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return _HEADER + "\n".join(rows) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{PREFIX}{name.upper()}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default is PydanticUndefined:
        return ""
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"
