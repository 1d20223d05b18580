"""The shared fixtures give what they promise."""

import asyncpg
import pytest
import redis.asyncio


@pytest.mark.parametrize("time", ["first", "second"])
async def test_the_database_is_fresh_each_time(postgres_dsn: str, time: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.execute("CREATE TABLE marker (id int)")
    finally:
        await connection.close()


@pytest.mark.parametrize("time", ["first", "second"])
async def test_the_cache_is_empty_each_time(redis_url: str, time: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "over")
