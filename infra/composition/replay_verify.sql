-- name: shown
-- Each view of a build's tables: what it selects, from where, and how far the build has come.
select
    shown.relname as "table",
    builds.checkpoint as position,
    rtrim(pg_get_viewdef(shown.oid), ';') as definition,
    array_agg(distinct format('%I.%I', builds.build, source.relname)) as sources
from pg_class shown
join pg_rewrite rule on rule.ev_class = shown.oid
join pg_depend use on use.classid = 'pg_rewrite'::regclass and use.objid = rule.oid
join pg_class source on source.oid = use.refobjid and use.refclassid = 'pg_class'::regclass
join pg_namespace schema on schema.oid = source.relnamespace
join projections.builds builds on builds.build = schema.nspname
where shown.relnamespace = 'read'::regnamespace and shown.relkind = 'v'
group by shown.oid, shown.relname, builds.checkpoint

-- name: keep
-- Another build may take its place meanwhile; this one must not be dropped.
lock table {sources} in access share mode

-- name: rows
select * from ({definition}) as shown

-- name: rows by position
select * from ({definition}) as shown order by position
