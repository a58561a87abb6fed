"""Whoever writes faster than the log is numbered is heard of, also while there is always more to number."""

import logging
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import anyio
import pytest

from gateway.audit import Sequencer
from gateway.audit.ports import Head
from gateway.kernel.bus import MemoryBus
from partner_agent.wire.limits import MERGE_DELAY_ALARM_S

pytestmark = pytest.mark.anyio


class NeverEmpty(Sequencer):
    """There is always one more."""

    async def run_once(self) -> int:
        await anyio.lowlevel.checkpoint()
        return 1


class OldTree:
    """A tree whose oldest waiting event is older than it may be."""

    def __init__(self, clock) -> None:
        self._clock = clock

    async def oldest_pending_at(self):
        return self._clock.now() - timedelta(seconds=MERGE_DELAY_ALARM_S + 1)

    async def head(self) -> Head | None:
        return None


@contextmanager
def no_news():
    """Nobody wakes it."""
    yield SimpleNamespace(get=anyio.sleep_forever, clear=lambda: None)


async def test_a_log_that_never_empties_still_says_that_it_is_behind(clock, caplog):
    """The alarm is given while numbering goes on, once."""
    sequencer = NeverEmpty(tree=OldTree(clock), signer=SimpleNamespace(), bus=MemoryBus(), clock=clock)
    with caplog.at_level(logging.ERROR, logger="gateway.audit.sequencer"), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sequencer.run, no_news)
            while not caplog.records:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    assert [record.message for record in caplog.records] == ["the log is 11 s behind: is a transaction stuck?"]
