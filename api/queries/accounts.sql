select account_id, client_id, venue, margin_rate, maker_fee, taker_fee, fee_asset, opened_at,
    version, position
from read.accounts
where ($1::uuid[] is null or account_id = any($1))
    and ($2::text is null or client_id = $2)
    and ($3::timestamptz is null or (opened_at, account_id) < ($3, $4::uuid))
order by opened_at desc, account_id desc
limit $5
