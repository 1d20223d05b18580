"""Every error code there is, with its HTTP status and meaning: one promise to callers."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.exceptions import HTTPException


class ErrorCode(NamedTuple):
    status: int
    meaning: str


_HTTP = {
    "malformed_json": ErrorCode(400, "The body is not one JSON document in UTF-8."),
    "duplicate_key": ErrorCode(400, "A JSON object in the body names a key twice."),
    "bad_request": ErrorCode(400, "The request is not valid HTTP."),
    "unauthenticated": ErrorCode(401, "No valid bearer token came with the request."),
    "forbidden": ErrorCode(403, "The token's role or account scope does not admit this."),
    "route_not_found": ErrorCode(404, "There is nothing at this path."),
    "method_not_allowed": ErrorCode(405, "The path takes other methods, named in Allow."),
    "body_too_large": ErrorCode(413, "The body exceeds the limit; it was not read."),
    "unsupported_media_type": ErrorCode(415, "The body must be application/json."),
    "internal_error": ErrorCode(500, "A fault of ours, logged under the correlation id."),
    "log_unavailable": ErrorCode(
        503, "The log did not answer: the outcome is unknown. Retry with the same Idempotency-Key."
    ),
    "log_failed": ErrorCode(503, "The log refuses to write. Nothing more is accepted for now."),
    "database_unavailable": ErrorCode(503, "The read models cannot be reached. Retry later."),
    "not_ready": ErrorCode(503, "A part that is needed for serving does not answer."),
    "read_model_behind": ErrorCode(503, "The read model has not reached at_least in time."),
    "past_busy": ErrorCode(503, "Too many lists of the past are being put together already."),
    "past_too_far": ErrorCode(
        503, "No snapshot is near enough to put a list of the past together in time."
    ),
}

_INPUT = {
    "unknown_field": ErrorCode(422, "A field or query parameter that does not exist."),
    "missing_field": ErrorCode(422, "A required field is missing."),
    "duplicate_parameter": ErrorCode(422, "A query parameter is given more than once."),
    "wrong_type": ErrorCode(422, "A value has the wrong JSON type; decimals are strings."),
    "invalid_decimal": ErrorCode(
        422, "Not a plain decimal: at most 15 integer and 12 fraction digits, no exponent."
    ),
    "invalid_uuid": ErrorCode(422, "Not a UUID in its 36-character form."),
    "invalid_enum": ErrorCode(422, "Not one of the words admitted here."),
    "invalid_time": ErrorCode(422, "Not an RFC 3339 time with a zone."),
    "invalid_instant": ErrorCode(422, "Neither a log position nor an RFC 3339 instant."),
    "no_time_zone": ErrorCode(422, "An instant without a time zone says no moment."),
    "in_the_future": ErrorCode(422, "The instant has not come yet."),
    "before_the_first_event": ErrorCode(422, "Nothing had been recorded by then."),
    "beyond_the_head": ErrorCode(422, "The log does not reach that position yet."),
    "no_such_position": ErrorCode(422, "No event of the log is at that position."),
    "invalid_text": ErrorCode(422, "Too short, too long, or with characters not admitted here."),
    "invalid_value": ErrorCode(422, "A value that is not admitted here."),
    "out_of_range": ErrorCode(422, "A number or a list's length outside its bounds."),
    "invalid_cursor": ErrorCode(422, "Not a cursor that this list has handed out."),
    "invalid_idempotency_key": ErrorCode(422, "Not 1 to 255 visible ASCII characters."),
    "unknown_venue": ErrorCode(422, "There is no such venue."),
    "unknown_symbol": ErrorCode(422, "There is no such instrument."),
    "nothing_to_amend": ErrorCode(422, "An amendment without any new value."),
    "not_positive": ErrorCode(422, "The number must be above zero."),
    "off_tick": ErrorCode(422, "The price is not a multiple of the instrument's tick size."),
    "off_lot": ErrorCode(422, "The quantity is not in steps of the instrument's lot size."),
    "price_out_of_bounds": ErrorCode(422, "The price is outside the venue's bounds."),
    "quantity_out_of_bounds": ErrorCode(422, "The quantity is outside the venue's bounds."),
    "unexpected_field": ErrorCode(422, "A field that this type of order does not take."),
    "invalid_trailing": ErrorCode(422, "A trailing stop trails by an offset or by steps."),
    "invalid_expiry": ErrorCode(422, "expire_at goes with gtd and only gtd."),
    "expired": ErrorCode(422, "expire_at has passed."),
    "invalid_time_in_force": ErrorCode(422, "This type of order cannot have this time in force."),
    "invalid_margin_rate": ErrorCode(422, "The margin rate is above 0 and at most 1."),
    "invalid_scope": ErrorCode(422, "Not system, client:ID, account:ID or strategy:ID."),
    "invalid_limit": ErrorCode(422, "A limit must be a finite number."),
    "window_too_long": ErrorCode(422, "Orders are not remembered for that long."),
    "negative_limit": ErrorCode(422, "A limit must not be negative."),
    "invalid_subject": ErrorCode(422, "Not a client's pseudonym."),
    "invalid_detail": ErrorCode(422, "A personal detail that cannot be one."),
    "no_details": ErrorCode(422, "There are no personal details to record."),
    "invalid_reason": ErrorCode(422, "A reason has 1 to 500 characters in one line."),
    "limits_missing": ErrorCode(422, "A strategy may not be activated without limits."),
    "same_reviewer": ErrorCode(422, "Who defined a strategy may not approve it."),
}

_STATE = {
    "account_not_found": ErrorCode(404, "There is no such account for this caller."),
    "order_not_found": ErrorCode(404, "There is no such order for this caller."),
    "scope_not_found": ErrorCode(404, "There is no such risk scope for this caller."),
    "stream_not_found": ErrorCode(404, "The log has no such stream."),
    "subject_not_found": ErrorCode(404, "No personal details were ever recorded of it."),
    "instrument_not_found": ErrorCode(404, "There is no such instrument."),
    "idempotency_key_reused": ErrorCode(409, "The Idempotency-Key came with another request."),
    "subject_erased": ErrorCode(409, "The subject was erased: nothing more is recorded of it."),
    "account_exists": ErrorCode(409, "The account is open already."),
    "order_exists": ErrorCode(409, "The order exists already."),
    "order_abandoned": ErrorCode(
        409, "The order took too long to place and was given up. Use another key."
    ),
    "order_not_live": ErrorCode(409, "The order has ended."),
    "cancel_pending": ErrorCode(409, "The order is being cancelled."),
    "amend_pending": ErrorCode(409, "The order is being amended already."),
    "below_filled": ErrorCode(409, "More than the new quantity is filled already."),
    "nothing_to_acknowledge": ErrorCode(409, "The account has no external activity to see."),
    "stale_epoch": ErrorCode(409, "Another worker has taken the lead of the venue's session."),
    "not_halted": ErrorCode(409, "Trading is active: there is nothing to resume."),
    "strategy_exists": ErrorCode(409, "The strategy is defined already."),
    "strategy_not_defined": ErrorCode(409, "The strategy is not defined."),
    "stream_busy": ErrorCode(503, "Too many writers at once. Retry with the same key."),
}

_CONTROLS = {
    "insufficient_funds": ErrorCode(422, "Less is available than this needs."),
    "limits_unknown": ErrorCode(422, "No limits are known to be in force: nothing goes out."),
    "trading_halted": ErrorCode(422, "Trading is halted in a scope of this order."),
    "trading_reducing": ErrorCode(422, "Only orders that make positions smaller go out."),
    "instrument_not_allowed": ErrorCode(422, "The instrument is not allowed in this scope."),
    "instrument_not_trading": ErrorCode(422, "The venue has suspended the instrument."),
    "quote_missing": ErrorCode(422, "There is no usable quote to measure against."),
    "quote_stale": ErrorCode(422, "The newest quote is too old."),
    "price_collar_exceeded": ErrorCode(422, "The price is too far from the quote."),
    "below_min_notional": ErrorCode(422, "The order is worth less than the venue takes."),
    "max_order_quantity_exceeded": ErrorCode(422, "The quantity exceeds its limit."),
    "max_order_value_exceeded": ErrorCode(422, "The order's value exceeds its limit."),
    "max_position_exceeded": ErrorCode(422, "The position could exceed its limit."),
    "max_exposure_exceeded": ErrorCode(422, "The total exposure could exceed its limit."),
    "max_open_orders_exceeded": ErrorCode(422, "Too many orders are open."),
    "message_rate_exceeded": ErrorCode(422, "Too many orders in a second."),
    "duplicate_order": ErrorCode(422, "An equal order was placed a moment ago."),
    "max_daily_loss_exceeded": ErrorCode(422, "The day's loss has reached its limit."),
}

_VENUE = {
    "overfill": ErrorCode(502, "The venue reports more than was ordered."),
    "invalid_fill": ErrorCode(502, "The venue reports an impossible execution."),
    "unknown_trade": ErrorCode(502, "The venue takes back a trade that it never reported."),
    "rejected_after_fill": ErrorCode(502, "The venue rejects an order that has traded."),
    "amended_below_filled": ErrorCode(502, "The venue amends below what has traded."),
    "settlement_out_of_order": ErrorCode(502, "An execution came before the one ahead of it."),
}

GROUPS: Mapping[str, Mapping[str, ErrorCode]] = {
    "HTTP": _HTTP,
    "Input": _INPUT,
    "State": _STATE,
    "Pre-trade controls": _CONTROLS,
    "Venue data (recorded in logs, never the answer to a request)": _VENUE,
}

ERROR_CODES: Mapping[str, ErrorCode] = {
    code: error for group in GROUPS.values() for code, error in group.items()
}


class Problem(HTTPException):
    """A refusal by the API itself; its status is its code's."""

    def __init__(
        self,
        code: str,
        detail: str,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(ERROR_CODES[code].status, detail, headers)
        self.code = code
        self.field = field
