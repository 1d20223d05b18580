select scope, state, reason, limits, version, updated_at, position
from read.risk
where scope = $1
