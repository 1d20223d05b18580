UPDATE workers.leadership SET expires_at = 'epoch' WHERE role = $1 AND epoch = $2
