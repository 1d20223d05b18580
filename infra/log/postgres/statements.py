"""The SQL of the log, read once from the files beside this one."""

from importlib.resources import files


def _statement(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")


SCHEMA = _statement("schema")
APPEND = _statement("append")
STREAM_VERSIONS = _statement("stream_versions")
STORED = _statement("stored")
HEAD = _statement("head")
BOUND = _statement("bound")
READ_ALL = _statement("read_all")
READ_BACK = _statement("read_back")
READ_ALL_FILTERED = _statement("read_all_filtered")
READ_STREAM = _statement("read_stream")
STREAM_VERSION = _statement("stream_version")

CHANNEL = "log_appended"
"""What ``log.append`` notifies."""
