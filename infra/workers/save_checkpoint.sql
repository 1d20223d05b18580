INSERT INTO workers.checkpoint (worker, position) VALUES ($1, $2)
ON CONFLICT (worker) DO UPDATE SET position = greatest(checkpoint.position, excluded.position)
