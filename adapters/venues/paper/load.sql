SELECT sequence, entry
FROM paper_venue.journal
WHERE sequence > $1
ORDER BY sequence
LIMIT $2
