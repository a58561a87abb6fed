"""Keeps the mark beside each camera: the name of its signature.

Whatever changes a decision takes the marks of the site's cameras away in its own transaction; here they are made anew
right after it, from what is stored then, and written only for the revision that was read before. A camera without a
mark, or with one of another ground, is decided by itself, so a mark that comes late costs time and nothing else. Should
a change ever take no mark away, the slow round through all sites finds it, says so, and puts it right.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from gateway.cameras import Camera, Cameras
from gateway.kernel.database import Database
from gateway.kernel.errors import LenspactError
from gateway.sharing.layering import Layering, SiteLayers
from gateway.sharing.ports import SignatureRows
from gateway.sharing.signatures import FORM, Signed, signature_of
from gateway.sharing.site_book import SiteBook
from partner_agent.wire.clock import Clock, to_ms
from policies.fields import PolicyError
from policies.geo import point_of

log = logging.getLogger("lenspact.sharing")

SINGLY: Final = "-"  # of a camera that is decided by itself for good
BATCH: Final = 50  # sites at a time
BUSY_S: Final = 0.02  # between two batches, so that pages are answered meanwhile
IDLE_S: Final = 0.25
ROUND_S: Final = 5.0  # between two sites of the slow round
_GROUND_CHARACTERS: Final = 8


def ground_of(book: SiteBook) -> str:
    """The name of what every signature stands on and no transaction changes: the first agreement, and our own form.

    The ordinance is none of it: signatures say what binds a camera beside it, and are decided by the one in force.
    """
    text = f"{FORM} {book.agreement_digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:_GROUND_CHARACTERS]


def signature_in(site: SiteLayers, camera: Camera, *, now_ms: int) -> Signed | None:
    """The signature of a camera at its site; None for one that has to be decided by itself."""
    name = site.names.get(camera.id, camera.id)
    return signature_of(
        name,
        partner=camera.organisation_id,
        place=point_of(camera.place.lat, camera.place.lon),
        is_connected=name in site.names.values(),
        documents=[layer.policy for layer in site.sharing],
        draft=None if site.draft is None else site.draft.policy,
        envelope=site.envelope,
        is_partner_active=site.invariants.is_partner_active,
        is_paused=site.invariants.is_paused,
        now_ms=now_ms,
        suspended=site.suspended,
        drawn=site.drawn.get(name, frozenset()),
    )


class Marker:
    """Marks cameras."""

    def __init__(
        self,
        *,
        database: Database,
        cameras: Cameras,
        rows: SignatureRows,
        layering: Layering,
        ground: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cameras = cameras
        self._rows = rows
        self._layering = layering
        self._ground = ground
        self._clock = clock
        self._round = ""  # the site at which the slow round is

    async def run(self) -> None:
        """Mark what has no mark, for ever."""
        await self.begin()
        next_round = self._clock.monotonic()
        while True:
            is_busy = await self.mark_some()
            if not is_busy and self._clock.monotonic() >= next_round:
                await self.check_next()
                next_round = self._clock.monotonic() + ROUND_S
            await self._clock.sleep(BUSY_S if is_busy else IDLE_S)

    async def begin(self) -> None:
        """Forget marks of another ground, and signatures that no camera has."""
        async with self._database.unit_of_work() as unit:
            await self._cameras.unmark_others(unit, f"{self._ground}.")
            await unit.commit(unaudited="marks are made anew from what is stored")
        kept = set(await self._rows.signature_marks())  # before the marks: what is added meanwhile stays
        unused = kept - set(await self._cameras.marks())
        async with self._database.unit_of_work() as unit:
            await self._rows.drop_signatures(unit, unused)
            await unit.commit(unaudited="no camera has them")

    async def mark_some(self) -> bool:
        """Mark the cameras of some sites; False when every camera has a mark."""
        sites = await self._cameras.unmarked_sites(most=BATCH, now_ms=to_ms(self._clock.now()))
        for site_id in sites:
            await self.mark_site(site_id)
        return bool(sites)

    async def mark_all(self) -> None:
        """Mark until every camera has a mark."""
        while await self.mark_some():
            pass

    async def check_next(self) -> None:
        """Look at one more site whether its marks are right."""
        sites = await self._cameras.sites_after(self._round, most=1)
        self._round = sites[0] if sites else ""
        for site_id in sites:
            wrong = await self.mark_site(site_id)
            if wrong:
                log.error("%d cameras of %s had a mark that was not theirs: a change went unnoticed", wrong, site_id)

    async def mark_site(self, site_id: str) -> int:
        """Mark a site's cameras by what is stored; how many had another mark, which no change had taken away."""
        now_ms = to_ms(self._clock.now())
        cameras = await self._cameras.of_site(site_id)  # before the rules: whatever changes from here on is noticed
        site = await self._site(cameras)
        marked, bodies, wrong = [], {}, 0
        for camera in cameras:
            signed = None if site is None else signature_in(site, camera, now_ms=now_ms)
            mark = f"{self._ground}.{signed.signature.digest if signed else SINGLY}"
            if signed is not None:
                bodies[mark] = signed.signature.body
            marked.append(replace(camera, mark=mark, mark_until_ms=signed.until_ms if signed else None))
            is_over = camera.mark_until_ms is not None and camera.mark_until_ms <= now_ms
            wrong += bool(camera.mark) and camera.mark != mark and not is_over
        return wrong if await self._write(marked, bodies) else 0

    async def _site(self, cameras: Sequence[Camera]) -> SiteLayers | None:
        """The rules there; None where they cannot be read, and every question about them is refused."""
        if not cameras:
            return None
        try:
            return await self._layering.as_stored(cameras[0].site_id, cameras[0].organisation_id)
        except (LenspactError, PolicyError):
            log.exception("the rules of %s cannot be read", cameras[0].site_id)
            return None

    async def _write(self, cameras: Sequence[Camera], bodies: Mapping[str, str]) -> bool:
        """Whether every camera was marked, and none had changed since it was read."""
        async with self._database.unit_of_work() as unit:
            await self._rows.add_signatures(unit, bodies)
            written = [await self._cameras.mark(unit, camera) for camera in cameras]
            await unit.commit(unaudited="follows from what is stored, and permits nothing")
        return all(written)
