-- name: load
select coalesce(json_agg(t), '[]')::text as rows from peer.{table} as t
where t.{first} = any (%s::text[]::{type}[])

-- name: upsert
insert into peer.{table} select * from json_populate_recordset(null::peer.{table}, %s)
on conflict ({key}) do update set {assignments}

-- name: delete
delete from peer.{table} where order_id = any (%s::text[]::uuid[])

-- name: forget
drop schema if exists peer cascade;
create schema peer;
drop table if exists public.samelog_events, public.allreadmodels_tracking
