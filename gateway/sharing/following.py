"""Keeps sites in step with what is not the owner's answers: cameras ticked or moved, homes, a link; the ordinance."""

import logging
from typing import Final

from gateway.kernel.bus import MemoryBus
from gateway.kernel.errors import LenspactError
from gateway.kernel.generations import ORDINANCE
from gateway.sharing.freshness import EVERYTHING, Freshness
from gateway.sharing.in_force import InForce
from gateway.sharing.outbox import Outbox
from gateway.sharing.ports import SharingRows
from partner_agent.wire.clock import Clock

AGAIN_S: Final = 5.0  # until a site that could not be looked at is looked at again
_SITE: Final = "site"
_CAMERA: Final = "camera"
_log: Final = logging.getLogger("lenspact.sharing")


async def follow_forever(*, bus: MemoryBus, rows: SharingRows, outbox: Outbox) -> None:
    """Look again at what a site should hold whenever it, or one of its cameras, is said to have changed.

    News may be lost; whoever connects is looked at anew, and the centre decides by what is stored in any case.
    """
    with bus.subscribe(_SITE, _CAMERA) as news:
        while True:
            heard = await news.get()
            topic, _, name = heard.topic.partition(".")
            # an answer for a label, or for a whole place, names no camera: the news says whose camera it is
            sites = {name} if topic == _SITE else {*await rows.sites_with(name), *filter(None, [heard.ref])}
            for site_id in sorted(sites):
                await outbox.refresh(site_id)


class LawSpreader:
    """Brings another ordinance pack to the sites once this process decides by it.

    Every process does it for the sites on its links; a narrowing is written by whoever comes first. Sites that connect
    later are looked at then, so nothing is remembered over a restart.
    """

    def __init__(
        self, *, freshness: Freshness, ordinance: InForce, rows: SharingRows, outbox: Outbox, clock: Clock
    ) -> None:
        self._freshness, self._ordinance = freshness, ordinance
        self._rows, self._outbox, self._clock = rows, outbox, clock
        self._spread = ""  # the pack that every site was looked at under; empty until it begins

    def begin(self) -> None:
        """From here on: sites that are on a link now, or will be, were looked at under the pack of this moment."""
        self._spread = self._spread or self._ordinance.pack.digest

    async def run(self) -> None:
        """Follow changes for ever."""
        self.begin()
        with self._freshness.changes() as changes:
            while True:
                if not (await changes.get()).isdisjoint({ORDINANCE, EVERYTHING}):
                    await self.spread()

    async def spread(self) -> None:
        """Look at every site again, until each was, if the pack is another one than the last time."""
        while self._spread != self._ordinance.pack.digest:
            digest = self._ordinance.pack.digest
            left = list(await self._rows.sites())
            while left and digest == self._ordinance.pack.digest:
                left = [site_id for site_id in left if not await self._is_told(site_id)]
                if left:
                    await self._clock.sleep(AGAIN_S)
            self._spread = digest

    async def _is_told(self, site_id: str) -> bool:
        try:
            await self._outbox.refresh(site_id)
        except LenspactError as error:
            _log.warning("%s is not told of the ordinance yet (%s); it is tried again", site_id, type(error).__name__)
            return False
        return True
