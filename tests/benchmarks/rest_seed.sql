insert into {build}.orders (
    order_id, account_id, client_id, client_order_id, symbol, side, type, quantity, limit_price,
    time_in_force, reduce_only, post_only, status, cum_quantity, leaves_quantity, average_price,
    fees_paid, placed_at, updated_at, version, position, notional, state
)
select
    ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000000-0000-4000-9000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    'client-' || n % 100, 'mine-' || n, 'BTCUSDT', 'buy', 'limit', 1.5, 30000.10 + n * 0.01,
    'gtc', false, false, 'partially_filled', 0.5, 1.0, 30000.05,
    0.6, now(), now(), 3, n, 15000.025, '{{}}'
from generate_series(1, {orders}) as n
