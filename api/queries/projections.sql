select name, version, build, state, checkpoint, position_time, events, head, lag_events,
    lag_is_exact, lag_seconds, lag_measured_at, failed_position, failed_type, failure, updated_at
from read.projections
order by name, created_at
