"""What the agent tells the gateway of its panic input: that it is on, until when, and that it is over."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from partner_agent.wire import messages as m
from partner_agent.wire.clock import to_rfc3339
from tests.fakes.clock import FakeClock
from tests.support.agents import Bench

pytestmark = pytest.mark.anyio
PANIC = timedelta(minutes=15)


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site at work."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        yield bench


def _said(bench: Bench) -> list[tuple[list[str], str | None]]:
    bench.agent.pulse.beat()
    return [(state.states, state.panic_until) for state in bench.heard(m.SiteState)]


async def test_panic_is_told_with_its_end_and_its_end_is_told(bench: Bench, clock: FakeClock):
    """Pressed, pressed again, over by itself: each is said once."""
    bench.agent.pulse.on_up()
    bench.heard(m.SiteState)

    bench.agent.site.panic(is_on=True)
    assert _said(bench) == [(["panic"], to_rfc3339(clock.now() + PANIC))]
    assert _said(bench) == []
    clock.advance(60)
    bench.agent.site.panic(is_on=True)
    assert _said(bench) == [(["panic"], to_rfc3339(clock.now() + PANIC))]
    clock.advance(PANIC.total_seconds())
    assert _said(bench) == [([], None)]


async def test_an_agent_without_panic_says_nothing_of_it(bench: Bench):
    """A gateway that knows no such field still understands the state of a quiet site."""
    bench.agent.pulse.on_up()

    (state,) = bench.heard(m.SiteState)
    assert state.panic_until is None
