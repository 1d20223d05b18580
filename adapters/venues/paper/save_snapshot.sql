INSERT INTO paper_venue.snapshots AS kept (sequence, version, entry_digest, state, digest)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (sequence) DO UPDATE
SET version = excluded.version,
    entry_digest = excluded.entry_digest,
    state = excluded.state,
    digest = excluded.digest,
    put_aside_because = NULL
