select name, checkpoint
from read.projections
where state in ('active', 'failed')
