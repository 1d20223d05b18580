"""The ordinary user that a server runs as when the parent is root."""

import logging
import os
import pwd
import stat
from pathlib import Path

import msgspec

_logger = logging.getLogger(__name__)

OTHERS_TRAVERSE = stat.S_IXOTH
OTHERS_READ = stat.S_IROTH


class SystemUser(msgspec.Struct, frozen=True):
    name: str
    uid: int
    gid: int


def unprivileged_user(directory: Path) -> SystemUser | None:
    """None if this process is not root and needs none.

    Else the owner of the directory (so that its owner can run there without root later), or
    ``nobody`` if that is root too.
    """
    if os.geteuid() != 0:
        return None
    owner = directory.stat().st_uid
    entry = pwd.getpwuid(owner) if owner != 0 else pwd.getpwnam("nobody")
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def let_traverse(path: Path) -> None:
    """Let others pass through, but not list, the directories above ``path``."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & OTHERS_TRAVERSE:
            _logger.warning(
                "others may now pass through %s, not list it: PostgreSQL refuses to run as root",
                parent,
            )
            parent.chmod(stat.S_IMODE(mode) | OTHERS_TRAVERSE)


def let_read(tree: Path) -> None:
    """Let others read ``tree`` and run the programs in it."""
    let_traverse(tree)
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        wanted = mode | OTHERS_READ
        if mode & stat.S_IXUSR:
            wanted |= OTHERS_TRAVERSE
        if wanted != mode:
            path.chmod(stat.S_IMODE(wanted))
