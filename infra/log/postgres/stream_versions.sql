select stream, coalesce((
    select e.version from log.events e
    where e.stream = s.stream order by e.version desc limit 1
), 0)
from unnest($1::text[]) as s (stream)
