-- name: tables
create table {build}.risk (
    scope          text not null,
    state          text not null,
    reason         text,
    halt_confirmed boolean,
    limits         jsonb not null,
    version        integer not null,
    updated_at     timestamptz not null,
    position       bigint not null,
    primary key (scope)
);

-- name: view risk
select scope, state, reason, halt_confirmed, limits, version, updated_at, position
from {build}.risk
