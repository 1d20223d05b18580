"""Recorded market data, where it is there: tests that need it are collected only then."""

from tests.adapters.market.recorded import RECORDED

collect_ignore_glob = [] if RECORDED.is_dir() else ["test_recorded_*.py"]
