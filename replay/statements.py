"""The SQL of replays, read once from the files beside this one."""

from importlib.resources import files

_MARK = "-- name: "


def statements(file: str) -> dict[str, str]:
    """The statements of a file by the names in its ``-- name:`` lines."""
    text = files(__package__).joinpath(file).read_text("utf-8")
    parts = (part.partition("\n") for part in text.split(_MARK)[1:])
    return {name.strip(): body.strip() for name, _, body in parts}
