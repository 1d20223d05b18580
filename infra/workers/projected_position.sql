SELECT checkpoint, failure
FROM read.projections
WHERE name = $1
ORDER BY created_at
LIMIT 1
