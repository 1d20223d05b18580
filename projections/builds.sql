-- name: lock
-- One change to the set of builds of a projection at a time, in any process.
select pg_advisory_xact_lock(hashtext('patriot.projections'), hashtext($1))

-- name: next_number
select nextval('projections.build_numbers')

-- name: schema_exists
select to_regnamespace($1) is not null

-- name: insert
insert into projections.builds (build, name, version, state, created_at, updated_at)
values ($1, $2, $3, $4, $5, $5)

-- name: of_projection
select build, name, version, state, checkpoint, epoch, lease_until, failure, updated_at,
    to_regnamespace(build) is not null as has_schema
from projections.builds
where name = $1
order by created_at, build

-- name: active
select build, name, version, state, checkpoint, epoch, lease_until, failure, updated_at,
    true as has_schema
from projections.builds
where name = $1 and state = 'active'

-- name: lock_active
select build, name, version, state, checkpoint, epoch, lease_until, failure, updated_at,
    true as has_schema
from projections.builds
where name = $1 and state = 'active'
for update

-- name: acquire
-- A new epoch fences whoever held the lease before.
update projections.builds
set epoch = epoch + 1, lease_until = $3, updated_at = $2
where build = $1 and state <> 'retired' and (lease_until is null or lease_until <= $2)
returning epoch, checkpoint

-- name: renew
update projections.builds
set lease_until = $3
where build = $1 and epoch = $2 and state <> 'retired'
returning true

-- name: release
update projections.builds
set lease_until = null
where build = $1 and epoch = $2

-- name: release_all
update projections.builds
set lease_until = null
where lease_until is not null

-- name: advance
-- Compare and swap with the fencing token, first in its transaction: it locks the row, so that of
-- two workers with the same batch the second waits here, and then finds nothing to move. Waiters
-- hear of it on commit. The batch need not be flushed by itself: after a crash the log tells it
-- again, rows and checkpoint being lost together.
with moved as (
    update projections.builds
    set checkpoint = $4,
        position_time = coalesce($5, position_time),
        events = events + $6,
        lease_until = $7,
        updated_at = $8,
        failure = null,
        failed_position = null,
        failed_type = null
    where build = $1 and epoch = $2 and checkpoint = $3 and state <> 'retired'
    returning name, state
)
select set_config('synchronous_commit', 'off', true),
    case when state = 'active' then
        pg_notify(
            'patriot_checkpoint',
            json_build_object('name', name, 'position', $4::bigint)::text
        )
    end
from moved

-- name: fail
update projections.builds
set failed_position = $3, failed_type = $4, failure = $5, lease_until = null, updated_at = $6
where build = $1 and epoch = $2

-- name: fail_active
update projections.builds
set failure = $2, failed_position = $3, failed_type = $4, updated_at = $5
where name = $1 and state = 'active'

-- name: retire
update projections.builds
set state = 'retired', lease_until = null, updated_at = $2
where build = $1

-- name: activate
update projections.builds
set state = 'active', updated_at = $3
where build = $1 and epoch = $2 and state = 'building'
returning true

-- name: delete
delete from projections.builds where build = $1

-- name: status
select name, version, build, state, checkpoint, position_time, events, head, lag_events,
    lag_is_exact, lag_seconds, lag_measured_at, failed_position, failed_type, failure
from read.projections
order by name, created_at

-- name: views_exist
select coalesce(bool_and(to_regclass(name) is not null), true) from unnest($1::text[]) as name
