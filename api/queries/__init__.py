"""The SQL of the read side, one statement a file."""

from importlib.resources import files


def query(name: str) -> str:
    """The statement in ``name.sql``."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
