"""Every line is one event, carries the correlation id, and tells no secret."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import generate_latest

from infra.telemetry import configure_logging, correlated, metrics_registry


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capture: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.readouterr().err.splitlines()]


@pytest.mark.parametrize("name", ["uvicorn.access", "asyncpg", "infra.workers"])
def test_lines_of_other_libraries_are_correlated(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", as_json=True)
    with correlated("c-1"):
        logging.getLogger(name).info("%s answered", "GET /v1/orders")
        structlog.get_logger(name).info("order placed", order_id="o-1")
    logging.getLogger(name).warning("outside")
    first, second, third = lines(capsys)
    assert (first["correlation_id"], first["event"]) == ("c-1", "GET /v1/orders answered")
    assert (second["correlation_id"], second["order_id"]) == ("c-1", "o-1")
    assert second["logger"] == name
    assert second["timestamp"].endswith("Z")
    assert "correlation_id" not in third


async def test_each_task_keeps_its_own_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", as_json=True)

    async def work(number: int) -> None:
        with correlated(f"c-{number}"):
            await asyncio.sleep(0)
            structlog.get_logger().info("done", number=number)

    await asyncio.gather(*(work(number) for number in range(5)))
    assert all(line["correlation_id"] == f"c-{line['number']}" for line in lines(capsys))


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_is_told(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging("INFO", as_json=as_json)
    log = structlog.get_logger()
    log.info("a", token="hunter2", api_key="hunter2", headers={"Authorization": "hunter2"})
    log.info("b postgresql://user:hunter2@host/db", given=["Bearer hunter2"])
    logging.getLogger("uvicorn.access").info("GET /v1/stream?access_token=hunter2&a=1")
    try:
        raise ValueError("connect redis://:hunter2@host failed")
    except ValueError:
        log.exception("c")
        logging.getLogger("redis").exception("d")
    told = capsys.readouterr().err
    assert "hunter2" not in told
    assert told.count("[redacted]") >= 8
    assert "ValueError" in told


def test_levels_hold(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", as_json=True)
    structlog.get_logger().info("quiet")
    logging.getLogger("any").info("quiet")
    assert lines(capsys) == []


def test_each_registry_is_its_own() -> None:
    for registry in (metrics_registry(), metrics_registry()):
        assert b"python_gc_objects_collected_total" in generate_latest(registry)


def test_a_screen_gets_warnings_without_tracebacks_and_the_file_all(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "patriot.log"
    configure_logging("INFO", as_json=True, file=file)
    log = structlog.get_logger()
    log.info("quiet", token="hunter2")
    try:
        raise ValueError("connect redis://:hunter2@host failed")
    except ValueError:
        log.exception("loud")
    for handler in logging.getLogger().handlers:
        handler.close()
    (on_screen,) = lines(capsys)
    quiet, loud = (json.loads(line) for line in file.read_text().splitlines())
    assert on_screen["event"] == loud["event"] == "loud"
    assert quiet["token"] == "[redacted]"
    assert "exception" not in on_screen
    assert "ValueError" in loud["exception"]
    assert "hunter2" not in file.read_text()
