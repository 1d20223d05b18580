"""The SQL of the read models, read once from the files beside this one."""

from importlib.resources import files

_MARK = "-- name: "


def script(file: str) -> str:
    """A whole file."""
    return files(__package__).joinpath(file).read_text("utf-8")


def statements(file: str) -> dict[str, str]:
    """The statements of a file by the names in its ``-- name:`` lines."""
    parts = script(file).split(_MARK)[1:]
    return {
        name.strip(): body.strip() for name, _, body in (part.partition("\n") for part in parts)
    }
