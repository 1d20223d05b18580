-- The same rows come in the same order, whatever collation the database has.
select {columns}
from {build}.{table}
order by {order}
