-- What the read models have in common: which builds of them there are and how far each has come.
-- The tables of a build live in a schema of the build's own name; the views in read show the
-- active builds.

create schema if not exists projections;
create schema if not exists read;

create sequence if not exists projections.build_numbers;

create table if not exists projections.builds (
    build           text primary key,
    name            text not null,
    version         integer not null,
    state           text not null check (state in ('building', 'active', 'retired')),
    checkpoint      bigint not null default 0,
    position_time   timestamptz,
    events          bigint not null default 0,
    epoch           bigint not null default 0,
    lease_until     timestamptz,
    failed_position bigint,
    failed_type     text,
    failure         text,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
) with (fillfactor = 50);

create unique index if not exists one_active_build on projections.builds (name)
where state = 'active';

create table if not exists projections.lag (
    build       text primary key references projections.builds on delete cascade,
    head        bigint not null,
    events      bigint not null,
    is_exact    boolean not null,
    seconds     double precision not null,
    measured_at timestamptz not null
) with (fillfactor = 50);

create or replace view read.projections as
select
    b.name,
    b.version,
    b.build,
    case when b.failure is not null then 'failed' else b.state end as state,
    b.checkpoint,
    b.position_time,
    b.events,
    l.head,
    l.events as lag_events,
    l.is_exact as lag_is_exact,
    l.seconds as lag_seconds,
    l.measured_at as lag_measured_at,
    b.failed_position,
    b.failed_type,
    b.failure,
    b.created_at,
    b.updated_at
from projections.builds b
left join projections.lag l using (build)
where b.state <> 'retired';
