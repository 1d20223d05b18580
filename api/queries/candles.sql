select symbol, interval, opened_at, open, high, low, close, volume, trades, closed
from read.candles
where symbol = $1 and interval = $2
    and ($3::timestamptz is null or opened_at >= $3)
    and ($4::timestamptz is null or opened_at < $4)
    and ($5::timestamptz is null or opened_at > $5)
order by opened_at
limit $6
