SELECT entry
FROM paper_venue.journal
WHERE account_id = $1 AND client_order_id = $2
ORDER BY sequence
