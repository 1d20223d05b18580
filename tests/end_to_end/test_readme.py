"""The README's tour, command by command, against a core that runs."""

import re
import shlex
from pathlib import Path

from tests.end_to_end.process import patriot, running

README = Path(__file__).parents[2] / "README.md"

_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def commands() -> list[str]:
    """The lines after a prompt, in order."""
    blocks = _CONSOLE.findall(README.read_text())
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_every_command_of_the_tour_works(data_dir: Path) -> None:
    names: dict[str, str] = {}
    outputs: dict[str, str] = {}
    with running(data_dir) as core:
        for written in commands():
            command = _with_names(written, names)
            outputs[written] = _run(command, core.data_dir)
            if written.startswith("patriot account open"):
                names["ACCOUNT"] = _UUID.findall(outputs[written])[0]
            if written.startswith("patriot order place"):
                names["ORDER"] = _UUID.findall(outputs[written])[0]
                core.client.await_status(names["ORDER"], "filled")
    for event in ("OrderPlaced", "OrderSubmitting", "OrderAccepted", "OrderFilled"):
        assert event in outputs["patriot order show ORDER"]
    assert len(outputs) == len(commands()) > 8


def _with_names(command: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        command = command.replace(name, value)
    return command


def _run(command: str, data_dir: Path) -> str:
    program, *arguments = shlex.split(command)
    assert program == "patriot"
    done = patriot(*arguments, data_dir=data_dir)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
