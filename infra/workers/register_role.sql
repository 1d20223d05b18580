INSERT INTO workers.leadership (role, epoch) VALUES ($1, 0) ON CONFLICT (role) DO NOTHING
