CREATE SCHEMA IF NOT EXISTS workers;

CREATE TABLE IF NOT EXISTS workers.checkpoint (
    worker   text PRIMARY KEY,
    position bigint NOT NULL
);

-- One lease a role. Times are this database's. A lease that nobody holds has expired.
CREATE TABLE IF NOT EXISTS workers.leadership (
    role   text PRIMARY KEY,
    epoch  integer NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE workers.leadership
    ADD COLUMN IF NOT EXISTS holder     text NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS expires_at timestamptz NOT NULL DEFAULT 'epoch';
