select id, type, data, metadata, stream, version, position, recorded_at
from log.events
where stream = $1 and version > $2 and version <= $3
order by version
limit $4
