select account_id, symbol, settlement_asset, quantity, cost, average_price, realised_profit,
    fees_paid, updated_at, position
from read.positions
where account_id = $1
order by symbol
