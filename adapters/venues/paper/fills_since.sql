SELECT fill.entry
FROM paper_venue.journal AS fill
WHERE fill.kind = 'FillReport' AND fill.account_id = $1 AND fill.at >= $2
  AND NOT EXISTS (
      SELECT FROM paper_venue.journal AS bust
      WHERE bust.kind = 'Busted'
        AND bust.account_id = fill.account_id
        AND bust.entry -> 'fill' ->> 'symbol' = fill.entry ->> 'symbol'
        AND bust.entry -> 'fill' ->> 'trade_id' = fill.entry ->> 'trade_id'
  )
ORDER BY fill.sequence
