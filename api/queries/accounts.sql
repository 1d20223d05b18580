select account_id, client_id, venue, margin_rate, maker_fee, taker_fee, fee_asset, trading_state,
    unacknowledged, reconciliation_failure, opened_at, version, position
from read.accounts
where ($1::uuid[] is null or account_id = any($1))
    and ($2::text is null or client_id = $2)
    and ($3::text is null or trading_state = $3)
    and ($4::timestamptz is null or (opened_at, account_id) < ($4, $5::uuid))
order by opened_at desc, account_id desc
limit $6
