"""The SQL of subjects' keys, read once from the files beside this one."""

from importlib.resources import files

_here = files(__package__)

SCHEMA = (_here / "schema.sql").read_text("utf-8")

SQL = {
    name.strip(): body.strip()
    for name, _, body in (
        part.partition("\n")
        for part in (_here / "statements.sql").read_text("utf-8").split("-- name: ")[1:]
    )
}
