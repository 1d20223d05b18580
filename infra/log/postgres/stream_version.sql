select coalesce(max(version), 0) from log.events where stream = $1
