DELETE FROM paper_venue.snapshots
WHERE sequence IN (
    SELECT sequence
    FROM (
        SELECT sequence,
               row_number() OVER (
                   PARTITION BY put_aside_because IS NULL ORDER BY sequence DESC
               ) AS place
        FROM paper_venue.snapshots
    ) AS ranked
    WHERE place > $1
)
