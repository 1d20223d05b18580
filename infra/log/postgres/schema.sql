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


-- Appends a batch, all of it in the caller's transaction, one row of answer for each append in
-- order: the version its stream stood at, and the position of its last event or null where it was
-- not appended. An append goes in when its stream stands at `roots`: its expected version, or that
-- of the append of the same batch on which it builds. `owners` and `ordinals` number, from 1, the
-- append of each event and its place in it.
--
-- The lock comes in a statement of its own: the next one then sees what its last holder committed.

create or replace function log.append(
    streams text[], expected integer[], roots integer[], counts integer[],
    owners integer[], ordinals integer[], ids uuid[], types text[], data bytea[], metadata bytea[]
) returns table (actual integer, last_position bigint)
language plpgsql as $$
declare
    head bigint;
    latest timestamptz;
begin
    perform pg_advisory_xact_lock(7237001, 1);

    select e.position, e.recorded_at into head, latest
    from log.events e order by e.position desc limit 1;
    head := coalesce(head, 0);
    latest := greatest(latest, clock_timestamp());

    return query
    with checked as (
        select a.*, coalesce((
            select e.version from log.events e
            where e.stream = a.stream order by e.version desc limit 1
        ), 0) as actual
        from unnest(streams, expected, roots, counts)
            with ordinality as a (stream, expected, root, count, number)
    ), placed as (
        select c.*, head + sum(c.count) filter (where c.root = c.actual)
            over (order by c.number) as last
        from checked c
    ), added as (
        insert into log.events
            (position, stream, version, id, type, data, metadata, recorded_at)
        select p.last - p.count + e.ordinal, p.stream, p.expected + e.ordinal,
            e.id, e.type, e.data, e.metadata, latest
        from unnest(owners, ordinals, ids, types, data, metadata)
            as e (owner, ordinal, id, type, data, metadata)
        join placed p on p.number = e.owner
        where p.root = p.actual
    )
    select p.actual, case when p.root = p.actual then p.last end
    from placed p order by p.number;

    perform pg_notify('log_appended', '');
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
