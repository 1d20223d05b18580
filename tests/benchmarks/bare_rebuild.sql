-- name: read
select position, stream, version, id, type, data, metadata, recorded_at from log.events
where position > $1
order by position
limit $2

-- name: table
create temporary table changed_{table} (like bare.{table}) on commit delete rows

-- name: merge
insert into bare.{table} select * from changed_{table}
on conflict ({key}) do update set {assignments}

-- name: delete
delete from bare.{table} where {column} = any ($1::text[]::uuid[])
