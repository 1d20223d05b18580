CREATE SCHEMA IF NOT EXISTS workers;

CREATE TABLE IF NOT EXISTS workers.checkpoint (
    worker   text PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS workers.leadership (
    role   text PRIMARY KEY,
    epoch  integer NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);
