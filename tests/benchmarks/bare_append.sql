insert into bare_events (position, stream, version, id, type, data, metadata, recorded_at)
select position, stream, version, id, type, data, metadata, clock_timestamp()
from unnest($1::bigint[], $2::text[], $3::integer[], $4::uuid[], $5::text[], $6::bytea[],
    $7::bytea[]) as e (position, stream, version, id, type, data, metadata)
