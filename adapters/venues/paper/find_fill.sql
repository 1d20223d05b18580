SELECT entry
FROM paper_venue.journal
WHERE kind = 'FillReport'
  AND account_id = $1
  AND entry ->> 'symbol' = $2
  AND entry ->> 'trade_id' = $3
