UPDATE workers.leadership
SET expires_at = clock_timestamp() + $3
WHERE role = $1 AND epoch = $2
RETURNING epoch
