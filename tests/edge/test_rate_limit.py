"""The counter is exact under concurrency, on both databases and across processes' connections."""

import anyio
import pytest

from gateway.edge.rate_limit import Limit, RateLimiter, address_prefix
from gateway.kernel.database import Database
from gateway.kernel.errors import LimitedError
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


async def test_exactly_the_limit_passes_at_once(database: Database, clock: FakeClock):
    """Of forty attempts at once through two gateways, exactly five pass."""
    other = Database(database.url)
    limiters = [RateLimiter(database=each, clock=clock, key=b"k" * 32) for each in (database, other)]
    passed = []

    async def attempt(limiter: RateLimiter) -> None:
        try:
            await limiter.check("sign-in", [Limit("account", "a", 5, 900), Limit("address", "b", 100, 900)])
        except LimitedError:
            return
        passed.append(1)

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(attempt, limiters[number % 2])
    await other.close()

    assert len(passed) == 5


async def test_window_ends(sqlite_database: Database, clock: FakeClock):
    """After Retry-After the next attempt passes, and another account was never held up."""
    limiter = RateLimiter(database=sqlite_database, clock=clock, key=b"k" * 32)
    limits = [Limit("account", "a", 1, 900)]
    await limiter.check("sign-in", limits)
    with pytest.raises(LimitedError) as caught:
        await limiter.check("sign-in", limits)
    await limiter.check("sign-in", [Limit("account", "b", 1, 900)])
    await limiter.check("other", limits)
    clock.advance(caught.value.retry_after_s)

    await limiter.check("sign-in", limits)


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:0:12ff::1", "2001:db8:0:1200::/56"),
        ("not an address", "unknown"),
    ],
)
def test_address_prefix(address: str, prefix: str):
    """One person's many addresses count as one."""
    assert address_prefix(address) == prefix
