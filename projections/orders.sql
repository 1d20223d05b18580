-- name: tables
create table {build}.orders (
    order_id        uuid not null,
    account_id      uuid not null,
    client_id       text not null,
    client_order_id text not null,
    venue_order_id  text,
    strategy_id     text,
    linked_order_id uuid,
    symbol          text not null,
    side            text not null,
    type            text not null,
    quantity        numeric not null,
    limit_price     numeric,
    stop_price      numeric,
    trailing_offset numeric,
    time_in_force   text not null,
    expire_at       timestamptz,
    reduce_only     boolean not null,
    post_only       boolean not null,
    status          text not null,
    cum_quantity    numeric not null,
    leaves_quantity numeric not null,
    average_price   numeric,
    fees_paid       numeric not null,
    refusal_code    text,
    reason          text,
    placed_at       timestamptz not null,
    updated_at      timestamptz not null,
    version         integer not null,
    position        bigint not null,
    notional        numeric not null,
    state           json not null,
    primary key (order_id)
) with (fillfactor = 70);

-- None of the indexed columns ever changes, so that an update touches no index.
create index on {build}.orders (account_id, placed_at, order_id);
create index on {build}.orders (placed_at, order_id);

create table {build}.executions (
    order_id         uuid not null,
    execution_number integer not null,
    account_id       uuid not null,
    symbol           text not null,
    side             text not null,
    trade_id         text not null,
    quantity         numeric not null,
    price            numeric not null,
    liquidity        text not null,
    fee              numeric not null,
    fee_asset        text not null,
    busted           boolean not null,
    executed_at      timestamptz not null,
    position         bigint not null,
    primary key (order_id, execution_number)
);

create index on {build}.executions (account_id, executed_at);
create index on {build}.executions (executed_at, order_id, execution_number);

-- name: view orders
select order_id, account_id, client_id, client_order_id, venue_order_id, strategy_id,
    linked_order_id, symbol, side, type, quantity, limit_price, stop_price, trailing_offset,
    time_in_force, expire_at, reduce_only, post_only, status, cum_quantity, leaves_quantity,
    average_price, fees_paid, refusal_code, reason, placed_at, updated_at, version, position
from {build}.orders

-- name: view executions
select order_id, execution_number, account_id, symbol, side, trade_id, quantity, price, liquidity,
    fee, fee_asset, busted, executed_at, position
from {build}.executions
