SELECT count(*)
FROM paper_venue.journal
JOIN unnest($1::bigint[], $2::json[]) AS meant (sequence, entry) USING (sequence)
WHERE journal.entry::text = meant.entry::text
