-- The event log. Positions are dense, assigned in commit order under one lock, so every snapshot
-- shows a prefix of the log and no reader ever misses an event that becomes visible late.

create schema if not exists log;

create table if not exists log.schema_version (version integer primary key);

create table if not exists log.events (
    position    bigint not null,
    stream      text collate "C" not null,
    version     integer not null,
    id          uuid not null,
    type        text collate "C" not null,
    data        bytea not null,
    metadata    bytea not null,
    recorded_at timestamptz not null,
    constraint events_pkey primary key (position),
    constraint events_stream_version_key unique (stream, version),
    constraint events_id_key unique (id),
    constraint events_position_check check (position > 0),
    constraint events_version_check check (version > 0)
);


-- Append only: for every role, the owner and the superuser included, and in every replication mode.

create or replace function log.refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception 'the event log is append only: % refused', tg_op
        using errcode = 'insufficient_privilege';
end
$$;

create or replace trigger append_only
before update or delete or truncate on log.events
for each statement execute function log.refuse_change();

alter table log.events enable always trigger append_only;


-- Appends a batch whole, or nothing of it. `roots` are the versions at which the streams of the batch
-- must stand; the other arrays are its events in order. The answer is the position before the first
-- of them, or null where a stream does not stand at its root: nothing was appended. New streams need
-- no root: if one is not new, its first event violates events_stream_version_key.
--
-- The lock comes in a statement of its own: the next one then sees what its last holder committed.
-- Its number stands for this log among the advisory locks of the database.

create or replace function log.append(
    streams text[], roots integer[],
    event_streams text[], versions integer[], ids uuid[], types text[], data bytea[],
    metadata bytea[]
) returns bigint
language plpgsql as $$
declare
    head bigint;
    moment timestamptz;
begin
    perform pg_advisory_xact_lock(7237001, 1);

    if exists (
        select from unnest(streams, roots) as s (stream, root)
        where s.root <> coalesce((
            select e.version from log.events e
            where e.stream = s.stream order by e.version desc limit 1
        ), 0)
    ) then
        return null;
    end if;

    select e.position, e.recorded_at into head, moment
    from log.events e order by e.position desc limit 1;
    head := coalesce(head, 0);
    moment := greatest(moment, clock_timestamp());

    insert into log.events (position, stream, version, id, type, data, metadata, recorded_at)
    select head + e.ordinal, e.stream, e.version, e.id, e.type, e.data, e.metadata, moment
    from unnest(event_streams, versions, ids, types, data, metadata)
        with ordinality as e (stream, version, id, type, data, metadata, ordinal);

    perform pg_notify('log_appended', '');
    return head;
end
$$;


-- The last position recorded at or before an instant, 0 if none. Neither positions nor times ever
-- go back, so this needs no index on the time.

create or replace function log.position_at(instant timestamptz) returns bigint
language plpgsql stable as $$
declare
    low bigint := 0;
    high bigint := (select coalesce(max(position), 0) from log.events);
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select recorded_at from log.events where position = middle) <= instant then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;


-- For operators: the log with its JSON readable. What is not JSON shows as a string, and never
-- breaks the view.

create or replace function log.readable(content bytea) returns jsonb
language plpgsql immutable as $$
begin
    return convert_from(content, 'UTF8')::jsonb;
exception when data_exception then
    return to_jsonb(encode(content, 'escape'));
end
$$;

create or replace view log.readable_events as
select position, recorded_at, stream, version, type, id,
    log.readable(data) as data, log.readable(metadata) as metadata
from log.events;
