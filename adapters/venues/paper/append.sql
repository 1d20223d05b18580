INSERT INTO paper_venue.journal (sequence, kind, account_id, client_order_id, at, entry)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::json[])
