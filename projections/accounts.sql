-- name: tables
create table {build}.accounts (
    account_id             uuid not null,
    client_id              text not null,
    venue                  text not null,
    margin_rate            numeric not null,
    maker_fee              numeric not null,
    taker_fee              numeric not null,
    fee_asset              text,
    trading_state          text not null,
    unacknowledged         integer not null,
    reconciliation_failure text,
    opened_at              timestamptz not null,
    version                integer not null,
    position               bigint not null,
    primary key (account_id)
) with (fillfactor = 50);

create index on {build}.accounts (client_id);

create table {build}.balances (
    account_id uuid not null,
    asset      text not null,
    balance    numeric not null,
    reserved   numeric not null,
    margin     numeric not null,
    available  numeric not null,
    updated_at timestamptz not null,
    position   bigint not null,
    primary key (account_id, asset)
) with (fillfactor = 50);

create table {build}.positions (
    account_id       uuid not null,
    symbol           text not null,
    settlement_asset text not null,
    quantity         numeric not null,
    cost             numeric not null,
    average_price    numeric,
    realised_profit  numeric not null,
    fees_paid        numeric not null,
    updated_at       timestamptz not null,
    position         bigint not null,
    primary key (account_id, symbol)
) with (fillfactor = 50);

create table {build}.reservations (
    order_id         uuid not null,
    account_id       uuid not null,
    symbol           text not null,
    settlement_asset text not null,
    side             text not null,
    quantity         numeric not null,
    price            numeric not null,
    reduce_only      boolean not null,
    amount           numeric not null,
    order_version    integer not null,
    primary key (order_id)
);

create index on {build}.reservations (account_id);

-- name: view accounts
select account_id, client_id, venue, margin_rate, maker_fee, taker_fee, fee_asset, trading_state,
    unacknowledged, reconciliation_failure, opened_at, version, position
from {build}.accounts

-- name: view balances
select account_id, asset, balance, reserved, margin, available, updated_at, position
from {build}.balances

-- name: view positions
select account_id, symbol, settlement_asset, quantity, cost, average_price, realised_profit,
    fees_paid, updated_at, position
from {build}.positions

-- name: view reservations
select order_id, account_id, symbol, settlement_asset, side, quantity, price, reduce_only, amount,
    order_version
from {build}.reservations
