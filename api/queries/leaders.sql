select venue, epoch, started_at, position
from read.leaders
where ($1::text is null or venue = $1)
    and ($2::bigint is null or position < $2)
order by position desc
limit $3
