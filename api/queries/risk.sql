select scope, state, reason, halt_confirmed, limits, version, updated_at, position
from read.risk
where scope = $1
