-- name: tables
create table {build}.problems (
    position   bigint not null,
    at         timestamptz not null,
    kind       text not null,
    stream     text not null,
    account_id uuid,
    code       text,
    reason     text not null,
    raw        text,
    primary key (position)
);

create index on {build}.problems (account_id, position);

create table {build}.leaders (
    venue      text not null,
    epoch      bigint not null,
    started_at timestamptz not null,
    position   bigint not null,
    primary key (venue, epoch)
);

-- name: view problems
select position, at, kind, stream, account_id, code, reason, raw
from {build}.problems

-- name: view leaders
select venue, epoch, started_at, position
from {build}.leaders
