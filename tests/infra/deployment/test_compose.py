"""docker-compose.yml keeps its promises: healthy, secret-free, one image, three addresses."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import PREFIX, Settings

REPOSITORY = Path(__file__).parents[3]
ROLES = ("api", "projector", "execution", "market")
SERVERS = ("eventstoredb", "timescaledb", "valkey")
ADDRESSES = {"PATRIOT_EVENTSTOREDB_URI", "PATRIOT_POSTGRES_DSN", "PATRIOT_REDIS_URL"}

SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)
PASSWORD_IN_ADDRESS = re.compile(r"://[^:/@]*:([^@]+)@")
REQUIRED_VARIABLE = re.compile(r"\$\{[A-Z_]+:\?[^}]*\}")

Service = dict[str, Any]  # YAML as it comes

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, Service] = COMPOSE["services"]


def test_the_services_are_the_roles_and_their_servers() -> None:
    assert sorted(SERVICES) == sorted(ROLES + SERVERS)


@pytest.mark.parametrize("name", ROLES + SERVERS)
def test_every_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ROLES)
def test_a_role_differs_from_the_others_in_its_name(name: str) -> None:
    service = SERVICES[name]
    assert service["command"] == ["run", name]
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "infra.heartbeat", name]
    own = {"command", "healthcheck", "networks", "ports"}
    shared = {key: value for key, value in service.items() if key not in own}
    assert shared == {key: value for key, value in COMPOSE["x-role"].items() if key not in own}


@pytest.mark.parametrize("name", ROLES)
def test_only_the_three_addresses_are_set(name: str) -> None:
    assert set(SERVICES[name]["environment"]) == ADDRESSES
    assert {address.removeprefix(PREFIX).lower() for address in ADDRESSES} <= set(
        Settings.model_fields
    )


@pytest.mark.parametrize("name", ROLES)
def test_the_addresses_are_settings_that_load(name: str) -> None:
    given = {
        key.removeprefix(PREFIX).lower(): REQUIRED_VARIABLE.sub("word", value)
        for key, value in SERVICES[name]["environment"].items()
    }
    settings = Settings.model_validate(given)
    for address in (settings.eventstoredb_uri, settings.postgres_dsn, settings.redis_url):
        assert address is not None
        host = re.split(r"[:/?]", address.split("://")[1].split("@")[-1])[0]
        assert host in SERVERS


@pytest.mark.parametrize("name", ROLES + SERVERS)
def test_no_secret_stands_in_the_file(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if SECRET_NAME.search(key):
            assert REQUIRED_VARIABLE.fullmatch(value), key
        for password in PASSWORD_IN_ADDRESS.findall(value):
            assert REQUIRED_VARIABLE.fullmatch(password), key


def test_the_example_names_every_variable_and_gives_no_secret() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", (REPOSITORY / "docker-compose.yml").read_text()))
    assert wanted <= example.keys()
    assert all(not value for name, value in example.items() if SECRET_NAME.search(name))
    unknown = {name for name in example if name.startswith(PREFIX)} - {
        PREFIX + field.upper() for field in Settings.model_fields
    }
    assert not unknown


@pytest.mark.parametrize("name", SERVERS)
def test_servers_keep_their_data_and_show_no_port(name: str) -> None:
    service = SERVICES[name]
    volumes = [volume.partition(":")[0] for volume in service["volumes"]]
    assert set(volumes) <= COMPOSE["volumes"].keys()
    assert "ports" not in service
    assert service["networks"] == ["core"]
    assert re.search(r":\d+\.\d+", service["image"]), "a pinned version"


def test_the_roles_share_the_snapshots() -> None:
    for name in ROLES:
        assert SERVICES[name]["volumes"] == ["snapshots:/data/snapshots"]
    assert "snapshots" in COMPOSE["volumes"]
    assert "-o patriot -m 0700 /data /data/snapshots" in (REPOSITORY / "Dockerfile").read_text()


def test_the_inner_network_leads_nowhere_and_the_api_is_local() -> None:
    assert COMPOSE["networks"]["core"]["internal"] is True
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["api"]["ports"])
    assert not any("ports" in SERVICES[name] for name in ROLES if name != "api")


@pytest.mark.parametrize("name", ROLES)
def test_roles_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service["depends_on"]) == set(SERVERS)


def test_the_image_is_locked_and_not_root() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)
    assert not SECRET_NAME.search("".join(re.findall(r"PATRIOT_\w+", text)))
