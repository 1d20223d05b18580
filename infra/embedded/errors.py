"""Why an embedded server could not be had, in words for the person who started it."""

from pathlib import Path


class EmbeddedServerError(Exception):
    """Base: an embedded server cannot start or stop."""


class DataDirectoryInUse(EmbeddedServerError):
    """Another live process owns the data directory."""

    def __init__(self, directory: Path, owner: str) -> None:
        super().__init__(f"{directory} is in use by process {owner or 'unknown'}")
        self.directory = directory


class ServerFailed(EmbeddedServerError):
    """The server ended, or did not become ready in time; carries the end of its own log."""
