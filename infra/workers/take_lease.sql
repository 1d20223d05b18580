-- Compare and swap: nobody has taken or renewed the lease since it was read.
UPDATE workers.leadership
SET epoch = greatest(epoch, $4) + 1,
    holder = $5,
    since = clock_timestamp(),
    expires_at = clock_timestamp() + $6
WHERE role = $1 AND epoch = $2 AND expires_at = $3
RETURNING epoch
