SELECT journal.entry
FROM paper_venue.journal
JOIN paper_venue.journal AS opened USING (account_id, client_order_id)
WHERE opened.kind = 'Opened'
  AND opened.account_id = $1
  AND opened.entry ->> 'venue_order_id' = $2
  AND journal.sequence >= opened.sequence
ORDER BY journal.sequence
