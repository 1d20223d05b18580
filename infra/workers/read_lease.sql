SELECT epoch, holder, since, expires_at, expires_at <= clock_timestamp() AS has_expired
FROM workers.leadership
WHERE role = $1
