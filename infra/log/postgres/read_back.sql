select id, type, data, metadata, stream, version, position, recorded_at
from log.events
where position <= $1
order by position desc
limit $2
