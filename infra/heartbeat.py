"""Whether a role's event loop still turns, for health checks: ``python -m infra.heartbeat ROLE``.

The role touches a file in the data directory every few seconds; the check looks at its age.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from domain.clock import Clock
from infra.clock import SystemClock
from infra.settings import SettingsError, load_settings

BEAT_SECONDS = 5.0
DEAD_AFTER_SECONDS = 30.0


@asynccontextmanager
async def heartbeat(directory: Path, role: str, clock: Clock) -> AsyncGenerator[None]:
    """Beat while the block runs; afterwards the role counts as gone at once."""
    path = _path(directory, role)
    await asyncio.to_thread(_first_beat, path)
    beating = asyncio.create_task(_beat(path, clock), name=f"heartbeat {role}")
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait([beating])
        path.unlink(missing_ok=True)


async def _beat(path: Path, clock: Clock) -> None:
    while True:
        await clock.sleep(BEAT_SECONDS)
        await asyncio.to_thread(path.touch)


def _first_beat(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def is_alive(directory: Path, role: str, now: datetime) -> bool:
    """True if the role has beaten within the last 30 seconds."""
    try:
        beaten = datetime.fromtimestamp(_path(directory, role).stat().st_mtime, UTC)
    except FileNotFoundError:
        return False
    return (now - beaten).total_seconds() < DEAD_AFTER_SECONDS


def main(arguments: list[str]) -> int:
    """0 alive, 1 not, 2 wrong usage or settings."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m infra.heartbeat ROLE\n")
        return 2
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if is_alive(settings.data_dir, arguments[0], SystemClock().now()) else 1


def _path(directory: Path, role: str) -> Path:
    return directory / f"heartbeat-{role}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
