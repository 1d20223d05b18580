-- name: tables
drop schema if exists bare cascade;
create schema bare;
create table bare.orders as select * from read.orders with no data;
alter table bare.orders add primary key (order_id);
alter table bare.orders set (fillfactor = 70);
create index on bare.orders (account_id, placed_at, order_id);
create index on bare.orders (placed_at, order_id);
create table bare.executions as select * from read.executions with no data;
alter table bare.executions add primary key (order_id, execution_number);
create index on bare.executions (account_id, executed_at);
create index on bare.executions (executed_at, order_id, execution_number);
create table bare.checkpoint (position bigint not null);
insert into bare.checkpoint values (0);

-- name: copies
create temporary table changed_orders (like bare.orders) on commit delete rows;
create temporary table changed_executions (like bare.executions) on commit delete rows

-- name: read
select position, type, data from log.events
where position > $1 and stream >= 'order-' and stream < 'order.'
order by position
limit $2

-- name: merge_orders
insert into bare.orders select * from changed_orders
on conflict (order_id) do update set
    venue_order_id = excluded.venue_order_id,
    quantity = excluded.quantity,
    limit_price = excluded.limit_price,
    stop_price = excluded.stop_price,
    status = excluded.status,
    cum_quantity = excluded.cum_quantity,
    leaves_quantity = excluded.leaves_quantity,
    average_price = excluded.average_price,
    fees_paid = excluded.fees_paid,
    refusal_code = excluded.refusal_code,
    reason = excluded.reason,
    updated_at = excluded.updated_at,
    version = excluded.version,
    position = excluded.position

-- name: merge_executions
insert into bare.executions select * from changed_executions
on conflict (order_id, execution_number) do update set
    busted = excluded.busted,
    position = excluded.position

-- name: advance
update bare.checkpoint set position = $1
