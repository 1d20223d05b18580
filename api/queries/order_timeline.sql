select version, position, type, occurred_at, recorded_at, actor, correlation_id, data
from read.order_timeline
where order_id = $1 and ($2::integer is null or version > $2)
order by version
limit $3
