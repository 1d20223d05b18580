-- name: checkpoints
select name, build, checkpoint from projections.builds where state = 'active' order by name

-- name: record
-- A build that was dropped meanwhile has no lag.
insert into projections.lag (build, head, events, is_exact, seconds, measured_at)
select b.build, $2, $3, $4, $5, $6
from projections.builds b
where b.build = $1
on conflict (build) do update set
    head = excluded.head,
    events = excluded.events,
    is_exact = excluded.is_exact,
    seconds = excluded.seconds,
    measured_at = excluded.measured_at
