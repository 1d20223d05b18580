-- name: lock
-- Before the snapshot is taken: no build may take the place of another between it and the reading.
lock table read.accounts, read.balances, read.positions, read.reservations, read.orders,
    read.executions, read.order_timeline, read.risk, read.problems, read.leaders
in access share mode

-- name: positions
-- Each view of a build's tables, with how far the build has come.
select distinct shown.relname as "table", builds.checkpoint as position
from pg_class shown
join pg_rewrite rule on rule.ev_class = shown.oid
join pg_depend use on use.classid = 'pg_rewrite'::regclass and use.objid = rule.oid
join pg_class source on source.oid = use.refobjid and use.refclassid = 'pg_class'::regclass
join projections.builds builds on builds.build = source.relnamespace::regnamespace::text
where shown.relnamespace = 'read'::regnamespace and shown.relkind = 'v'

-- name: rows
select * from read.{table}

-- name: rows by position
select * from read.{table} order by position
