"""Work that runs as long as the gateway: each piece supervised, restarted after a failure, never silently gone."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from partner_agent.wire.clock import Clock

log = logging.getLogger("lenspact.background")

RESTART_FIRST_S: Final = 0.5
RESTART_LAST_S: Final = 30.0
STEADY_S: Final = 60.0  # having run this long, the next failure starts the delays over


class Place(StrEnum):
    """Which process runs it, where api and worker are apart; on one machine everything runs in one."""

    API = "api"  # beside the pages and the links: it works on what that process holds
    WORKER = "worker"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Background:
    """A named coroutine that runs until cancelled."""

    name: str
    run: Callable[[], Awaitable[None]]
    place: Place = Place.API

    def runs_as(self, role: str) -> bool:
        """Whether a process of this role (`all`, `api`, `worker`) runs it."""
        return role == "all" or self.place in {role, Place.EVERYWHERE}


async def supervise(work: Background, *, clock: Clock) -> None:
    """Run `work` for ever; a failure is logged and it starts again, later each time."""
    delay_s = RESTART_FIRST_S
    while True:
        started = clock.monotonic()
        try:
            await work.run()
            log.error("%s ended by itself; starting it again", work.name)
        except Exception:  # the supervisor: a failing piece must not take the gateway down
            log.exception("%s failed; starting it again", work.name)
        if clock.monotonic() - started >= STEADY_S:
            delay_s = RESTART_FIRST_S
        await clock.sleep(delay_s)
        delay_s = min(delay_s * 2, RESTART_LAST_S)
