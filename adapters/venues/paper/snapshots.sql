SELECT sequence, version, entry_digest, state, digest
FROM paper_venue.snapshots
WHERE put_aside_because IS NULL
ORDER BY sequence DESC
