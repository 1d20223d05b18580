select id, type, data, metadata, stream, version, position, recorded_at
from log.events
where position > $1 and position <= $2
order by position
limit $3
