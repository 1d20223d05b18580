-- name: install
create schema if not exists replay;

-- What schemas the tool has made. The oid tells its own schema from another that somebody made
-- under the same name.
create table if not exists replay.schemas (
    name            text primary key,
    oid             oid not null,
    state           text not null check (state in ('unfinished', 'usable')),
    asked_for       text not null,
    position        bigint not null,
    recorded_at     timestamptz not null,
    models          jsonb not null,
    tables          text[] not null,
    code_version    text not null,
    checkpoint      bigint not null default 0,
    last_time       timestamptz,
    times_gone_back bigint not null default 0,
    events          bigint not null default 0,
    epoch           bigint not null default 0,
    failure         text,
    manifest        text,
    started_at      timestamptz not null,
    updated_at      timestamptz not null,
    check ((state = 'usable') = (manifest is not null))
);

-- name: lock_install
select pg_advisory_xact_lock(7237301)

-- name: is_installed
select to_regclass('replay.schemas') is not null

-- name: try_lock
-- Until the session ends, however it ends.
select pg_try_advisory_lock(hashtextextended('patriot.rebuild.' || $1, 0))

-- name: unlock
select pg_advisory_unlock(hashtextextended('patriot.rebuild.' || $1, 0))

-- name: oid_of
select oid from pg_namespace where nspname = $1

-- name: insert
insert into replay.schemas (
    name, oid, state, asked_for, position, recorded_at, models, tables, code_version, started_at,
    updated_at
)
values ($1, $2, 'unfinished', $3, $4, $5, $6, $7, $8, $9, $9)

-- name: find
select s.name, s.state, s.asked_for, s.position, s.recorded_at, s.models::text as models, s.tables,
    s.code_version, s.checkpoint, s.last_time, s.times_gone_back, s.events, s.epoch, s.failure,
    s.manifest, s.started_at, s.updated_at, n.oid is not null as is_there
from replay.schemas s
left join pg_namespace n on n.nspname = s.name and n.oid = s.oid
where $1::text is null or s.name = $1
order by s.name

-- name: take_over
-- A new epoch fences whoever was at it before and may not know yet that its session has ended.
update replay.schemas
set epoch = epoch + 1, updated_at = $2
where name = $1 and state = 'unfinished'
returning epoch

-- name: advance
-- First in its transaction. It need not be flushed by itself: after a crash rows and checkpoint are
-- lost together.
with moved as (
    update replay.schemas
    set checkpoint = $4,
        last_time = $5,
        times_gone_back = $6,
        events = $7,
        failure = null,
        updated_at = $8
    where name = $1 and epoch = $2 and checkpoint = $3 and state = 'unfinished'
    returning true as is_moved
)
select is_moved, set_config('synchronous_commit', 'off', true) from moved

-- name: finish
update replay.schemas
set state = 'usable', manifest = $3, failure = null, updated_at = $4
where name = $1 and epoch = $2 and state = 'unfinished'
returning true

-- name: fail
update replay.schemas
set failure = $3, updated_at = $4
where name = $1 and epoch = $2

-- name: forget
delete from replay.schemas where name = $1
