SELECT order_id::text
FROM read.orders
WHERE status IN (
    'pending_new', 'new', 'partially_filled', 'pending_cancel', 'pending_replace', 'unknown'
)
ORDER BY placed_at, order_id
