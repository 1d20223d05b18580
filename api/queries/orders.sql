select order_id, account_id, client_id, client_order_id, venue_order_id, strategy_id,
    linked_order_id, symbol, side, type, quantity, limit_price, stop_price, trailing_offset,
    time_in_force, expire_at, reduce_only, post_only, status, cum_quantity, leaves_quantity,
    average_price, fees_paid, refusal_code, reason, placed_at, updated_at, version, position
from read.orders
where ($1::uuid[] is null or account_id = any($1))
    and ($2::text is null or symbol = $2)
    and ($3::text is null or status = $3)
    and ($4::timestamptz is null or (placed_at, order_id) < ($4, $5::uuid))
order by placed_at desc, order_id desc
limit $6
