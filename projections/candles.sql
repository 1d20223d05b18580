-- name: install
create schema if not exists market;
create schema if not exists read;

create table if not exists market.candles (
    symbol    text not null,
    interval  text not null,
    opened_at timestamptz not null,
    open      numeric not null,
    high      numeric not null,
    low       numeric not null,
    close     numeric not null,
    volume    numeric not null,
    trades    integer not null,
    closed    boolean not null,
    primary key (symbol, interval, opened_at)
) {partitioning};

create or replace view read.candles as
select symbol, interval, opened_at, open, high, low, close, volume, trades, closed
from market.candles;

-- name: has_timescale
-- The extension works only where the server was started with its library.
select current_setting('shared_preload_libraries') like '%timescaledb%'

-- name: exists
select to_regclass('market.candles') is not null and to_regclass('read.candles') is not null

-- name: is_partitioned
select relkind = 'p' from pg_class where oid = 'market.candles'::regclass

-- name: make_hypertable
select create_hypertable(
    'market.candles', by_range('opened_at', interval '1 month'), if_not_exists => true
)

-- name: lock
select pg_advisory_xact_lock(7237101)

-- name: add_month
create table if not exists market.candles_{month} partition of market.candles
for values from ('{first}') to ('{next}')

-- name: upsert
-- A candle that is closed is what it is; a late open state of it changes nothing.
insert into market.candles as c
select * from json_populate_recordset(null::market.candles, $1)
on conflict (symbol, interval, opened_at) do update set
    open = excluded.open,
    high = excluded.high,
    low = excluded.low,
    close = excluded.close,
    volume = excluded.volume,
    trades = excluded.trades,
    closed = excluded.closed
where excluded.closed or not c.closed
returning symbol, interval, opened_at
