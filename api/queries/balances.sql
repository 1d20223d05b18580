select account_id, asset, balance, reserved, margin, available, updated_at, position
from read.balances
where account_id = $1
order by asset
