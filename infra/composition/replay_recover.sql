-- name: lock
-- Until the session ends, however it ends.
select pg_try_advisory_lock(7237401)

-- name: others
select distinct application_name from pg_stat_activity
where datname = current_database()
    and pid <> pg_backend_pid()
    and application_name ~ '^patriot[ -]'
order by 1

-- name: forget
drop schema if exists projections cascade

-- name: build_schemas
-- Of the projections of these names.
select n.nspname from pg_namespace n
where n.nspname ~ ('^(' || array_to_string($1::text[], '|') || ')_v[0-9]+_[0-9]+$')
order by 1

-- name: rebuilds_exist
select to_regclass('replay.schemas') is not null

-- name: rebuilds
-- Schemas as of the past, whatever they are called.
select name from replay.schemas

-- name: go_on_above
-- Schemas that are left keep their names until the views look elsewhere.
select setval('projections.build_numbers', $1)

-- name: built
select build, checkpoint, events, failure from projections.builds where name = $1 and state = 'active'

-- name: all_builds
select build from projections.builds

-- name: rows
select count(*) from {build}.{table}

-- name: look
select {columns} from {table} limit 0

-- name: forget_workers
drop schema if exists workers cascade

-- name: checkpoints
select worker, position from workers.checkpoint order by worker

-- name: leaders
select role, epoch, since, holder, expires_at from workers.leadership limit 0

-- name: forget_worker
delete from workers.checkpoint where worker = $1

-- name: raise_epoch
insert into workers.leadership as l (role, epoch) values ($1, $2)
on conflict (role) do update set epoch = greatest(l.epoch, excluded.epoch)
returning epoch
