"""Where recorded market data lies, beside the repository."""

from pathlib import Path

RECORDED = Path(__file__).parents[4] / "shared" / "market"
FRAMES = RECORDED / "binance_futures_2021-07-22.frames.gz"
EXCHANGE_INFO = RECORDED / "binance_futures_exchangeInfo.json.gz"
