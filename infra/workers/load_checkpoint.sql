SELECT position FROM workers.checkpoint WHERE worker = $1
