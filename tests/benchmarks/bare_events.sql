create table bare_events (
    position    bigint primary key,
    stream      text collate "C" not null,
    version     integer not null,
    id          uuid not null unique,
    type        text collate "C" not null,
    data        bytea not null,
    metadata    bytea not null,
    recorded_at timestamptz not null,
    unique (stream, version)
)
