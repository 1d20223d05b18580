select account_id, client_id, venue, margin_rate, maker_fee, taker_fee, fee_asset, trading_state,
    unacknowledged, reconciliation_failure, opened_at, version, position
from read.accounts
where account_id = $1
