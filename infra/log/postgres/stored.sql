-- The events that stand where an append wants its own.
select id, position
from log.events
where stream = $1 and version > $2 and version <= $2 + $3
order by version
