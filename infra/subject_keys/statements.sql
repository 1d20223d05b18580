-- name: lock_install
select pg_advisory_xact_lock(7237501)

-- name: lock_masters
-- Who wraps a key reads the master key under this lock, so that none is wrapped under one that is
-- being given up.
select pg_advisory_xact_lock(7237502)

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

-- name: not_under
select subject, key_id, master_id, wrapped from subject_keys.keys
where destroyed_at is null and master_id <> $1
order by subject
for update

-- name: rewrap
update subject_keys.keys set master_id = $2, wrapped = $3 where subject = $1

-- name: durably
-- Whatever the database is set to: what is told to be done does not come undone with a crash.
set local synchronous_commit = on

-- name: destroy
insert into subject_keys.keys as k (subject, destroyed_at) values ($1, now())
on conflict (subject) do update
set key_id = null, master_id = null, wrapped = null, destroyed_at = excluded.destroyed_at
where k.destroyed_at is null
