SELECT checkpoint FROM read.projections WHERE name = $1 AND state = 'active'
