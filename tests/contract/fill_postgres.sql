-- What tests.contract.long_log generates, made by the server.
insert into log.events (position, stream, version, id, type, data, metadata, recorded_at)
select number + 1,
    'order-' || number % $2,
    number / $2 + 1,
    lpad(to_hex(number), 32, '0')::uuid,
    $3,
    convert_to('{"number":' || number || ',"note":"' || $4 || '"}', 'UTF8'),
    $5,
    now()
from generate_series(0::bigint, $1::bigint - 1) as number
order by number
