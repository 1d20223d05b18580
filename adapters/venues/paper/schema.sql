CREATE SCHEMA IF NOT EXISTS paper_venue;

CREATE TABLE IF NOT EXISTS paper_venue.journal (
    sequence        bigint      PRIMARY KEY,
    kind            text        NOT NULL,
    account_id      text        NOT NULL,
    client_order_id text        NOT NULL,
    at              timestamptz NOT NULL,
    entry           json        NOT NULL
);

CREATE INDEX IF NOT EXISTS journal_by_order
    ON paper_venue.journal (account_id, client_order_id, sequence);

CREATE INDEX IF NOT EXISTS journal_fills
    ON paper_venue.journal (account_id, at, sequence) WHERE kind = 'FillReport';

CREATE INDEX IF NOT EXISTS journal_openings
    ON paper_venue.journal (account_id, (entry ->> 'venue_order_id')) WHERE kind = 'Opened';

CREATE INDEX IF NOT EXISTS journal_busts
    ON paper_venue.journal (account_id) WHERE kind = 'Busted';

-- Only ever a shortcut: the journal alone says what happened.
CREATE TABLE IF NOT EXISTS paper_venue.snapshots (
    sequence          bigint      PRIMARY KEY,
    version           integer     NOT NULL,
    entry_digest      text        NOT NULL,
    state             text        NOT NULL,
    digest            text        NOT NULL,
    put_aside_because text
);

CREATE OR REPLACE FUNCTION paper_venue.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal of the paper venue is append-only';
END
$$;

CREATE OR REPLACE TRIGGER journal_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON paper_venue.journal
    FOR EACH STATEMENT EXECUTE FUNCTION paper_venue.refuse_change();

CREATE OR REPLACE VIEW paper_venue.executions AS
SELECT sequence,
       at,
       account_id,
       client_order_id,
       entry ->> 'venue_order_id'       AS venue_order_id,
       entry ->> 'symbol'               AS symbol,
       entry ->> 'trade_id'             AS trade_id,
       (entry ->> 'quantity')::numeric  AS quantity,
       (entry ->> 'price')::numeric     AS price,
       entry ->> 'liquidity'            AS liquidity,
       (entry ->> 'fee')::numeric       AS fee,
       entry ->> 'fee_asset'            AS fee_asset
FROM paper_venue.journal
WHERE kind = 'FillReport';
