"""How much a site's line carries: measured within its bounds, by what really arrives at the other end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from partner_agent.line import A_DAY, AGAIN_S, HttpMeter, LineRate
from partner_agent.wire.check_messages import CheckUpload
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.limits import LINE_BYTES, LINE_REQUESTS, LINE_S
from tests.support.slow_line import SlowLine, slow_line

pytestmark = pytest.mark.anyio


class MovedClock(SystemClock):
    """Real time, set ahead by hand."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


@asynccontextmanager
async def meter(*, most_kbps: int = 0) -> AsyncIterator[HttpMeter]:
    """One with a connection of its own."""
    async with httpx.AsyncClient() as http:
        yield HttpMeter(http=http, clock=MovedClock(), most_kbps=most_kbps)


async def measured(
    found: HttpMeter, line: SlowLine, *, is_watched: Callable[[], bool] = lambda: False
) -> tuple[LineRate, float]:
    """What it says of the line, and how long it took."""
    began_s = anyio.current_time()
    rate = await found.measure(CheckUpload(url=line.url, token="secret"), is_watched=is_watched)
    return rate, anyio.current_time() - began_s


async def test_a_narrow_line_is_told_as_wide_as_it_is():
    """Two megabits are two megabits, by a few hundred kilobytes; every request names the secret."""
    async with slow_line(kbps=2_000) as line, meter() as found:
        rate, took_s = await measured(found, line)

    assert rate.kbps is not None
    assert 1_400 < rate.kbps < 2_800
    assert (rate.is_bound, rate.why) == (False, None)
    assert took_s < LINE_S + 0.5
    assert len(line.sizes) <= LINE_REQUESTS
    assert set(line.tokens) == {"secret"}


async def test_a_wide_line_costs_three_megabytes_at_most():
    """However fast it is, no more is sent."""
    async with slow_line() as line, meter() as found:
        rate, _ = await measured(found, line)

    assert rate.kbps is not None
    assert rate.kbps > 10_000
    assert line.taken <= LINE_BYTES


async def test_the_owner_s_rate_is_not_exceeded():
    """A wide line is told to carry at least what live views may take, and no more than that leaves."""
    async with slow_line() as line, meter(most_kbps=1_000) as found:
        rate, took_s = await measured(found, line)

    assert (rate.kbps, rate.is_bound) == (pytest.approx(1_000, rel=0.2), True)
    assert line.taken * 8 / took_s <= 1_000_000


async def test_it_ends_as_soon_as_somebody_watches():
    """Their picture has the line for itself within one small piece."""
    async with slow_line(kbps=400) as line, meter() as found:
        rate, _ = await measured(found, line, is_watched=lambda: line.taken > 4_000)
        assert (await measured(found, line, is_watched=lambda: True))[0].why == "watched"

    assert (rate.kbps, rate.why) == (None, "watched")
    assert line.taken < LINE_BYTES // 8


@pytest.mark.parametrize(("kbps", "status", "why"), [(0, 404, "refused"), (4, 204, "lost")])
async def test_what_cannot_be_measured_says_why(kbps: int, status: int, why: str):
    """A gateway that takes nothing, and a line by which hardly anything gets through, within the time all the same."""
    async with slow_line(kbps=kbps, status=status) as line, meter() as found:
        rate, took_s = await measured(found, line)

    assert (rate.kbps, rate.why) == (None, why)
    assert took_s < LINE_S + 0.5


async def test_a_gateway_that_asks_without_end_uses_up_no_data_plan():
    """Once a minute, and so many times a day, whoever asks."""
    async with slow_line(status=404) as line, httpx.AsyncClient() as http:
        clock = MovedClock()
        found = HttpMeter(http=http, clock=clock, most_kbps=0)
        whys = [(await measured(found, line))[0].why for _ in range(A_DAY + 1)]
        clock.ahead_s = 86_401
        line.status = 204
        first, _ = await measured(found, line)
        taken = line.taken
        again, _ = await measured(found, line)
        assert (again, line.taken) == (first, taken)
        clock.ahead_s += AGAIN_S
        await measured(found, line)

    assert whys == ["refused"] * A_DAY + ["unasked"]
    assert line.taken > taken
