"""Instruments that do not change while the process runs."""

import gzip
import zlib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Self

from adapters.market.exchange_info import InvalidExchangeInfo, parse_exchange_info
from domain.instrument import Instrument

_GZIP_MAGIC = b"\x1f\x8b"


class StaticInstruments:
    """The Instruments port over a fixed set."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}

    @classmethod
    def from_answer(cls, answer: bytes) -> Self:
        """From an exchangeInfo answer. Raises InvalidExchangeInfo, InvalidInstrument."""
        info = parse_exchange_info(answer)
        if info.refused:
            raise info.refused[0]
        if not info.instruments:
            raise InvalidExchangeInfo("there is no perpetual contract")
        return cls(info.instruments)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """From an answer in a file, gzipped or not. Raises OSError too."""
        content = path.read_bytes()
        if not content.startswith(_GZIP_MAGIC):
            return cls.from_answer(content)
        try:
            return cls.from_answer(gzip.decompress(content))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidExchangeInfo(f"{path} is damaged: {error}") from error

    @classmethod
    def default(cls) -> Self:
        """The instruments that come with the core, with filters of our own."""
        file = resources.files("adapters.market") / "instruments.json"
        return cls.from_answer(file.read_bytes())

    def get(self, symbol: str) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def all(self) -> tuple[Instrument, ...]:
        return tuple(self._by_symbol.values())
