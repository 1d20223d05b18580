select order_id, execution_number, account_id, symbol, side, trade_id, quantity, price, liquidity,
    fee, fee_asset, busted, executed_at, position
from read.executions
where ($1::uuid[] is null or account_id = any($1))
    and ($2::uuid is null or order_id = $2)
    and ($3::text is null or symbol = $3)
    and (
        $4::timestamptz is null
        or (executed_at, order_id, execution_number) < ($4, $5::uuid, $6::integer)
    )
order by executed_at desc, order_id desc, execution_number desc
limit $7
