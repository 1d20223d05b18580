-- Subjects' keys: neither part of the log nor of any read model, so nothing that rebuilds, recovers
-- or drops those may touch this schema. What is lost here cannot be made again from anything.

create schema if not exists subject_keys;

-- A key that was destroyed leaves its subject behind, which never gets another.
create table if not exists subject_keys.keys (
    subject      text collate "C" primary key,
    key_id       uuid,
    master_id    text,
    wrapped      bytea,
    created_at   timestamptz not null default now(),
    destroyed_at timestamptz,
    constraint keys_whole_or_destroyed check (
        (destroyed_at is null and num_nulls(key_id, master_id, wrapped) = 0)
        or (destroyed_at is not null and num_nonnulls(key_id, master_id, wrapped) = 0)
    )
);
