-- name: try_lock
-- One process at a time takes them, for as long as the transaction lasts.
select pg_try_advisory_xact_lock(hashtext('patriot.snapshots'), hashtext($1))

-- name: active
-- Builds made after all were forgotten may have names that were given away before: the time tells
-- them apart.
select build as schema, version, checkpoint, events,
    build || to_char(created_at at time zone 'UTC', '".since-"YYYYMMDD"T"HH24MISSUS') as build
from projections.builds
where name = $1 and state = 'active'

-- name: last
select {id}::text as id, version, position
from {build}.{table}
order by position desc
limit 1

-- name: rows
-- In the order of the columns, which is the same wherever the tables are defined the same.
select * from {build}.{table}

-- name: drop_indexes
-- A table is loaded faster without, and a list of few pages read as fast.
select format('drop index pg_temp.%I', c.relname)
from pg_index i
join pg_class c on c.oid = i.indexrelid
where i.indrelid = $1::regclass and not i.indisprimary
