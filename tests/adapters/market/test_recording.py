import contextlib
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.market import recording
from adapters.market.recording import DamagedRecording, RecordedFrame, Recording

URL = b"wss://fstream.example.com/stream?streams=sushiusdt@aggTrade <-> 1700000000.5\n"
FIRST = RecordedFrame(datetime(2023, 11, 14, 22, 13, 21, 62170, tzinfo=UTC), b'{"a": 1}')
SECOND = RecordedFrame(datetime(2023, 11, 14, 22, 13, 21, 310512, tzinfo=UTC), b'{"b": 2}')
LINES = b'1700000001.06217: {"a": 1}\n1700000001.3105128: {"b": 2}\n'


def write(directory: Path, content: bytes, name: str = "frames.gz") -> Recording:
    path = directory / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return Recording(path)


@pytest.mark.parametrize("name", ["frames.gz", "frames.txt"])
def test_frames_with_their_receive_times(tmp_path: Path, name: str) -> None:
    recorded = write(tmp_path, URL + LINES, name)
    assert list(recorded.read()) == [FIRST, SECOND]
    assert list(recorded.read()) == [FIRST, SECOND]
    assert recorded.corrupt_lines == 0


def test_the_last_line_needs_no_end_and_windows_ends_are_fine(tmp_path: Path) -> None:
    content = (URL + LINES).rstrip(b"\n").replace(b"\n", b"\r\n")
    assert list(write(tmp_path, content).read()) == [FIRST, SECOND]


def test_a_recorder_that_connected_anew_wrote_the_url_again(tmp_path: Path) -> None:
    recorded = write(tmp_path, URL + LINES + URL + LINES)
    assert list(recorded.read()) == [FIRST, SECOND, FIRST, SECOND]
    assert recorded.corrupt_lines == 0


CORRUPT = [b"nonsense", b": {}", b"1700000001.5", b"1700000001.5:", b"x700000001.5: {}"]
CORRUPT += [b"\xff\x00", b"1e9: {}", b"-5.0: {}", b"99999999999.0: {}", b"17000.1.2: {}"]


@pytest.mark.parametrize("line", CORRUPT)
def test_corrupt_lines_are_counted_and_skipped(tmp_path: Path, line: bytes) -> None:
    recorded = write(tmp_path, URL + line + b"\n" + LINES + line)
    assert list(recorded.read()) == [FIRST, SECOND]
    assert recorded.corrupt_lines == 2


def test_an_endless_line_is_one_corrupt_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_LINE_BYTES", 200)
    recorded = write(tmp_path, URL + b"1700000001.5: " + b"x" * 5_000 + b"\n" + LINES)
    assert list(recorded.read()) == [FIRST, SECOND]
    assert recorded.corrupt_lines == 1


def test_a_truncated_file_gives_its_good_part_then_an_error(tmp_path: Path) -> None:
    lines = [b'17%08d.5: {"n": %d, "x": "%x"}\n' % (n, n, n**9) for n in range(5_000)]
    path = tmp_path / "frames.gz"
    whole = gzip.compress(URL + b"".join(lines))
    path.write_bytes(whole[: len(whole) // 2])
    recorded = Recording(path)
    good: list[bytes] = []
    with pytest.raises(DamagedRecording, match=r"frames\.gz is damaged after line \d+"):
        good.extend(frame.payload for frame in recorded.read())
    assert 2_000 < len(good) < 3_000
    assert good == [line.split(b": ", 1)[1].rstrip() for line in lines[: len(good)]]
    assert recorded.corrupt_lines == 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(Recording(tmp_path / "none.gz").read())


@given(damage=st.data())
def test_any_damage_ends_in_frames_or_the_one_error(
    tmp_path_factory: pytest.TempPathFactory, damage: st.DataObject
) -> None:
    content = bytearray(gzip.compress(URL + LINES * 20))
    place = damage.draw(st.integers(0, len(content) - 1))
    content[place] = damage.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "frames.gz"
    path.write_bytes(bytes(content))
    with contextlib.suppress(DamagedRecording):
        assert len(list(Recording(path).read())) <= 40
