"""A process that owns a PostgreSQL and a Valkey until told to end: prints both addresses."""

import sys
from pathlib import Path

from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.valkey import EmbeddedValkey

directory = Path(sys.argv[1])
postgres = EmbeddedPostgres(directory / "postgres")
valkey = EmbeddedValkey(directory / "valkey")
postgres.start()
valkey.start()
try:
    sys.stdout.write(f"{postgres.dsn}\n{valkey.url}\n")
    sys.stdout.flush()
    sys.stdin.read()
except KeyboardInterrupt:
    sys.stdout.write("interrupted, both still here: ")
    sys.stdout.write(f"{postgres.is_running and valkey.is_running}\n")
valkey.stop()
postgres.stop()
