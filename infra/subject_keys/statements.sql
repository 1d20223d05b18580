-- name: lock
select pg_advisory_xact_lock(7237501)

-- name: create
-- Whoever comes first: the others find that one.
insert into subject_keys.keys (subject, key_id, master_id, wrapped) values ($1, $2, $3, $4)
on conflict (subject) do nothing

-- name: find
select key_id, master_id, wrapped from subject_keys.keys where subject = $1 and destroyed_at is null

-- name: exists
select exists (select from subject_keys.keys where subject = $1 and destroyed_at is null)

-- name: master_ids
select distinct master_id from subject_keys.keys where destroyed_at is null

-- name: durably
-- Whatever the database is set to: what is told to be destroyed does not come back with a crash.
set local synchronous_commit = on

-- name: destroy
insert into subject_keys.keys as k (subject, destroyed_at) values ($1, now())
on conflict (subject) do update
set key_id = null, master_id = null, wrapped = null, destroyed_at = excluded.destroyed_at
where k.destroyed_at is null
