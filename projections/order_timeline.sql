-- name: tables
create table {build}.order_timeline (
    order_id       uuid not null,
    version        integer not null,
    position       bigint not null,
    type           text not null,
    occurred_at    timestamptz not null,
    recorded_at    timestamptz not null,
    actor          text not null,
    correlation_id text not null,
    data           jsonb not null,
    primary key (order_id, version)
);

-- name: view order_timeline
select order_id, version, position, type, occurred_at, recorded_at, actor, correlation_id, data
from {build}.order_timeline
