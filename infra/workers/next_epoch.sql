INSERT INTO workers.leadership (role, epoch) VALUES ($1, 1)
ON CONFLICT (role) DO UPDATE SET epoch = leadership.epoch + 1, since = now()
RETURNING epoch
