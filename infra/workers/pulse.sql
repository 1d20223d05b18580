SELECT
    (SELECT coalesce(min(checkpoint), 0) FROM read.projections WHERE state = 'active') AS projected,
    (SELECT count(*) FROM read.orders WHERE status IN (
        'pending_new', 'new', 'partially_filled', 'pending_cancel', 'pending_replace', 'unknown'
    )) AS working
