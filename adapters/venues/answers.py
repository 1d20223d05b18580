"""A venue's answers as text, in the paper venue's own form, and how they are read.

The form is JSON: decimals as strings, times RFC 3339; ``type`` says what an outcome or a report is.
Nothing here trusts the text: what is not surely an answer is told as such, with all of it.
"""

from collections.abc import Callable, Container
from datetime import datetime
from typing import TypeVar

import msgspec

from adapters.venues.plausibility import (
    Implausible,
    check_above_zero,
    check_amount,
    check_name,
    check_not_below_zero,
    check_past,
    check_recent,
    check_symbol,
    check_terms,
)
from domain.venue import (
    Absent,
    Accepted,
    Ambiguous,
    BustReport,
    CancelReport,
    ExpireReport,
    FillReport,
    OrderReport,
    OrderState,
    Outcome,
    Rejected,
    Report,
    StopMovedReport,
    TriggerReport,
    UnreadableAnswer,
    UnreadableReport,
)

Answer = TypeVar("Answer")


class Unreadable(Exception):
    """The text is no answer of the kind that was expected."""


class _Found(msgspec.Struct, frozen=True):
    """The answer to a question about an order; ``at`` is the venue's time."""

    at: datetime
    order: OrderState | None


def write_outcome(outcome: Accepted | Rejected) -> str:
    return _encode(outcome)


def write_report(report: OrderReport) -> str:
    return _encode(report)


def write_order_state(answer: OrderState | Absent) -> str:
    order = answer if isinstance(answer, OrderState) else None
    return _encode(_Found(answer.at, order))


class AnswerReader:
    """Reads the answers of a venue that trades ``symbols``.

    ``at`` is the venue's time when it answered, from its status.
    """

    def __init__(self, symbols: Container[str]) -> None:
        self._symbols = symbols

    def read_outcome(self, raw: str, at: datetime) -> Outcome:
        """Ambiguous with the text where that is neither acceptance nor rejection."""
        try:
            outcome = _decode(_outcomes, raw)
            _check(lambda: _check_outcome(outcome, at))
        except Unreadable as error:
            return Ambiguous(str(error), raw)
        return outcome

    def read_report(self, raw: str, at: datetime) -> Report:
        """UnreadableReport with the text where that is none."""
        try:
            report = _decode(_reports, raw)
            _check(lambda: self._check_report(report, at))
        except Unreadable as error:
            return UnreadableReport(raw, str(error), at)
        return report

    def read_order_state(self, raw: str, at: datetime) -> OrderState | Absent:
        """Raises UnreadableAnswer."""
        try:
            found = _decode(_found, raw)
            _check(lambda: self._check_found(found, at))
        except Unreadable as error:
            raise UnreadableAnswer(str(error), raw) from error
        return found.order if found.order is not None else Absent(found.at)

    def _check_report(self, report: OrderReport, at: datetime) -> None:
        check_recent(report.at, at)
        check_name("client_order_id", report.client_order_id)
        check_name("venue_order_id", report.venue_order_id)
        check_name("account_id", report.account_id)
        match report:
            case FillReport():
                self._check_fill(report)
            case CancelReport() | ExpireReport():
                if report.cum_quantity is not None:
                    check_not_below_zero("cum_quantity", report.cum_quantity)
            case BustReport():
                check_name("trade_id", report.trade_id)
                check_symbol(report.symbol, self._symbols)
            case TriggerReport():
                check_above_zero("price", report.price)
            case StopMovedReport():
                check_above_zero("stop_price", report.stop_price)

    def _check_fill(self, fill: FillReport) -> None:
        check_symbol(fill.symbol, self._symbols)
        check_name("trade_id", fill.trade_id)
        check_name("fee_asset", fill.fee_asset)
        check_above_zero("quantity", fill.quantity)
        check_above_zero("price", fill.price)
        check_amount("fee", fill.fee)

    def _check_found(self, found: _Found, at: datetime) -> None:
        check_recent(found.at, at) if found.order is None else check_past(found.order.at, at)
        if found.order is not None:
            self._check_state(found.order)

    def _check_state(self, state: OrderState) -> None:
        check_name("client_order_id", state.client_order_id)
        check_name("venue_order_id", state.venue_order_id)
        check_name("account_id", state.account_id)
        check_terms(state.terms, self._symbols)
        check_not_below_zero("cum_quantity", state.cum_quantity)
        if state.cum_quantity > state.terms.quantity:
            raise Implausible(f"{state.cum_quantity} of {state.terms.quantity} is filled")


def _check_outcome(outcome: Accepted | Rejected, at: datetime) -> None:
    check_recent(outcome.at, at)
    match outcome:
        case Accepted():
            check_name("venue_order_id", outcome.venue_order_id)
        case Rejected():
            check_name("code", outcome.code)


def _check(check: Callable[[], None]) -> None:
    try:
        check()
    except Implausible as error:
        raise Unreadable(str(error)) from error


def _encode(answer: msgspec.Struct) -> str:
    return msgspec.json.encode(answer).decode()


def _decode(decoder: msgspec.json.Decoder[Answer], raw: str) -> Answer:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


_outcomes: msgspec.json.Decoder[Accepted | Rejected] = msgspec.json.Decoder(Accepted | Rejected)
_reports: msgspec.json.Decoder[OrderReport] = msgspec.json.Decoder(OrderReport)
_found: msgspec.json.Decoder[_Found] = msgspec.json.Decoder(_Found)
