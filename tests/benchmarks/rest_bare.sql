select order_id, account_id, client_id, client_order_id, venue_order_id, strategy_id,
    linked_order_id, symbol, side, type, quantity, limit_price, stop_price, trailing_offset,
    time_in_force, expire_at, reduce_only, post_only, status, cum_quantity, leaves_quantity,
    average_price, fees_paid, refusal_code, reason, placed_at, updated_at, version, position
from read.orders
where order_id = $1
