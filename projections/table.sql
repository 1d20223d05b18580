-- name: load
select coalesce(json_agg(t), '[]')::text
from {build}.{table} as t
where t.{loaded_by} = any ($1::text[]::{loaded_by_type}[])

-- name: upsert
insert into {build}.{table}
select * from json_populate_recordset(null::{build}.{table}, $1)
on conflict ({key}) do update set {assignments}

-- name: insert
insert into {build}.{table}
select * from json_populate_recordset(null::{build}.{table}, $1)

-- name: delete
delete from {build}.{table} as t
using json_populate_recordset(null::{build}.{table}, $1) as gone
where ({key_of_t}) = ({key_of_gone})

-- name: digest
-- The same rows give the same digest, in whatever order they stand.
select count(*) as rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text as checksum
from {build}.{table} as t
