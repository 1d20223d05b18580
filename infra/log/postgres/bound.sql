-- The last position of a read: the head now, or what the reader asked for if that comes before.
select least(
    (select coalesce(max(position), 0) from log.events),
    $1::bigint,
    case when $2::timestamptz is not null then log.position_at($2) end
)
