"""What every role may ask of the database is there before it starts, whichever comes first."""

from infra.composition.machinery import Machinery
from infra.workers.checkpoints import PostgresCheckpoints
from projections.builds import install
from projections.candles import CandleWriter

INSTALL_LOCK = 7_237_201
"""Advisory lock: roles that start at the same moment would create the same schemas at once."""


async def prepare_database(machinery: Machinery) -> None:
    """Create what is missing of the schemas; the read models themselves are the projector's."""
    async with machinery.pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT pg_advisory_xact_lock($1)", INSTALL_LOCK)
        async with machinery.pool.acquire() as connection:
            await install(connection)
        await CandleWriter(machinery.pool, None).install()
        await PostgresCheckpoints.open(machinery.pool)
