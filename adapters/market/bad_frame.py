"""What the decoder says of a frame it cannot use."""

from enum import StrEnum


class BadFrameReason(StrEnum):
    """Stable names: they label a metric and a log line."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    UNKNOWN_EVENT = "unknown_event"
    MALFORMED = "malformed"
    INVALID_NUMBER = "invalid_number"


class BadFrame(Exception):
    """A frame without usable content. The message says what is wrong and where."""

    def __init__(self, reason: BadFrameReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
