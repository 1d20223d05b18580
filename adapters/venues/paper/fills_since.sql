SELECT entry
FROM paper_venue.journal
WHERE kind = 'FillReport' AND account_id = $1 AND at >= $2
ORDER BY sequence
