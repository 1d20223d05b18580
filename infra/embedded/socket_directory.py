"""A directory for Unix sockets whose path is short enough for the kernel."""

import tempfile
from pathlib import Path

MAX_SOCKET_PATH = 100
"""Bytes. The kernel's limit is 104 on macOS and 108 on Linux, with the closing zero."""


def socket_directory(preferred: Path, socket_name: str) -> Path:
    """``preferred``, created if need be; or a fresh private one in /tmp where that is too long."""
    if len(bytes(preferred / socket_name)) <= MAX_SOCKET_PATH:
        preferred.mkdir(mode=0o700, parents=True, exist_ok=True)
        return preferred
    return Path(tempfile.mkdtemp(prefix="patriot-", dir="/tmp"))
