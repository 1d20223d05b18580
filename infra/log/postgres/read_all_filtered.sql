select id, type, data, metadata, stream, version, position, recorded_at
from log.events
where position > $1 and position <= $2
  and (cardinality($4::text[]) = 0 or type = any ($4))
  and (cardinality($5::text[]) = 0 or split_part(stream, '-', 1) = any ($5))
order by position
limit $3
