select position, at, kind, stream, account_id, code, reason, raw
from read.problems
where ($1::uuid[] is null or account_id = any($1))
    and ($2::text is null or kind = $2)
    and ($3::timestamptz is null or at >= $3)
    and ($4::bigint is null or position < $4)
order by position desc
limit $5
