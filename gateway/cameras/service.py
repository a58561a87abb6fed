"""What is done with cameras: put on the list, corrected, taken off, found by place.

Every change is one transaction with its leaf, inside the caller's own organisation; a camera of another is
`NotFoundError`. Who may *see* a camera is not decided here: `sharing` asks for what is near and decides.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from gateway.audit import Kind, LeafDraft
from gateway.cameras.model import (
    MAX_PER_SITE,
    Box,
    Camera,
    CameraFacts,
    CameraState,
    NearCamera,
    Wanted,
    boxes_around,
    distance_m,
)
from gateway.cameras.ports import CameraRows, Log, Publisher
from gateway.kernel import generations
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import LimitedError, NotFoundError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from gateway.partners import Place, Site
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

FIRST_RADIUS_M: Final = 250.0  # the first box of a search; it doubles until enough is found
MAX_IN_BOX: Final = 5_000  # cameras read at once; a denser square gives an incomplete answer rather than a slow one


class Cameras:
    """Use cases of cameras."""

    def __init__(
        self, *, database: Database, rows: CameraRows, log: Log, publisher: Publisher, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._rows = rows
        self._log = log
        self._publisher = publisher
        self._clock = clock
        self._ids = ids

    async def add(self, principal: Principal, site: Site, facts: CameraFacts) -> Camera:
        """Put a camera of `site` on the list.

        Raises:
            NotFoundError: the site belongs to somebody else.
            LimitedError: the site has as many cameras as it may.
        """
        if site.organisation_id != principal.organisation_id:
            raise NotFoundError("There is no such place.")
        async with self._database.unit_of_work() as unit:
            if len(await self._rows.of_site(site.id, unit=unit)) >= MAX_PER_SITE:
                raise LimitedError(
                    phrase("A place has at most %(most)d cameras.", most=MAX_PER_SITE), retry_after_s=86_400
                )
            camera = Camera(
                id=self._ids.new("cam"),
                organisation_id=site.organisation_id,
                site_id=site.id,
                facts=facts,
                people_live_here=site.people_live_here,
                state=CameraState.LISTED,
            )
            await self._rows.add(unit, camera, at=self._clock.now())
            await self._leaf(unit, Kind.CAMERA_ADDED, camera, person=principal.person_id)
            await unit.commit()
        return camera

    async def change(self, principal: Principal, camera_id: str, facts: CameraFacts) -> Camera:
        """Correct what is said about a camera."""
        async with self._database.unit_of_work() as unit:
            camera = replace(await self._mine(unit, principal, camera_id), facts=facts)
            await self._rows.save(unit, camera)
            await self._leaf(unit, Kind.CAMERA_CHANGED, camera, person=principal.person_id)
            self._wake(unit, camera)
            await unit.commit()
        return camera

    async def remove(self, principal: Principal, camera_id: str) -> None:
        """Take a camera off the list; whoever watches it loses it with the next decision."""
        async with self._database.unit_of_work() as unit:
            camera = await self._mine(unit, principal, camera_id)
            await self._remove(unit, camera, person=principal.person_id)
            await unit.commit()

    async def set_connected(self, unit: UnitOfWork, camera_ids: Collection[str], *, site_id: str) -> None:
        """Of the site's cameras exactly these are offered by its agent; part of the caller's transaction and leaf."""
        for camera in await self._rows.of_site(site_id, unit=unit):
            state = CameraState.CONNECTED if camera.id in camera_ids else CameraState.LISTED
            if camera.state is not state:
                await self._rows.save(unit, replace(camera, state=state))
                self._wake(unit, camera)
        unit.bump(site_id)  # also where none did: two cameras may have changed places

    async def camera(self, camera_id: str, *, organisation_id: str = "") -> Camera:
        """One camera; only of `organisation_id` unless that is empty.

        Raises:
            NotFoundError: there is none, or it belongs to somebody else: the same answer.
        """
        camera = await self._rows.camera(camera_id)
        if camera is None or (organisation_id and camera.organisation_id != organisation_id):
            raise NotFoundError("There is no such camera.")
        return camera

    async def cameras(self, camera_ids: Collection[str]) -> list[Camera]:
        """Those that exist of these."""
        return await self._rows.cameras(camera_ids)

    async def of_site(self, site_id: str) -> list[Camera]:
        """Those of a site."""
        return await self._rows.of_site(site_id)

    async def of_organisation(self, organisation_id: str) -> list[Camera]:
        """Those of an organisation."""
        return await self._rows.of_organisation(organisation_id)

    async def near(self, centre: Place, *, radius_m: float, most: int) -> list[NearCamera]:
        """Up to `most` cameras within `radius_m` metres, nearest first: a box that doubles until enough is found."""
        reach_m = min(FIRST_RADIUS_M, radius_m)
        while True:
            found = []
            for box in boxes_around(centre, reach_m):
                for camera in await self._rows.within(box, most=MAX_IN_BOX):
                    away_m = distance_m(centre, camera.place)
                    if away_m <= reach_m:  # a corner of the box is farther away than what the next box may hold
                        found.append(NearCamera(camera, away_m))
            if len(found) >= most or reach_m >= radius_m:
                return sorted(found, key=lambda near: (near.distance_m, near.camera.id))[:most]
            reach_m = min(reach_m * 2, radius_m)

    async def within(self, box: Box, *, most: int) -> list[Camera]:
        """Up to `most` cameras in a box."""
        return await self._rows.within(box, most=most)

    # -- marks: which rules bind a camera; `sharing` alone knows what they mean ------------------------------------

    async def page(self, box: Box, wanted: Wanted) -> Sequence[Camera]:
        """Cameras in a box, in the order of `Position`."""
        return await self._rows.page(box, wanted)

    async def counts(self, box: Box, *, homes: bool, now_ms: int = 0) -> Mapping[tuple[int, str], int]:
        """How many cameras with each mark are in each square the box touches: homes alone, or all others."""
        return await self._rows.counts(box, homes=homes, now_ms=now_ms)

    async def forget_marks(self, unit: UnitOfWork, scopes: Collection[str]) -> None:
        """Decisions about these change in this transaction (`Database.on_change`): marks of their cameras are gone."""
        if generations.AGREEMENT in scopes:
            await self._rows.unmark_all(unit)
            return
        owners = [scope for scope in scopes if scope.startswith(("sit_", "org_"))]
        if owners:
            await self._rows.unmark(unit, owners)

    async def mark(self, unit: UnitOfWork, camera: Camera) -> bool:
        """Its mark, for the revision that was read; False when the mark was taken away since, and then it has none."""
        return await self._rows.mark(unit, camera)

    async def unmark_others(self, unit: UnitOfWork, prefix: str) -> None:
        """Take away every mark that does not begin like this."""
        await self._rows.unmark_others(unit, prefix)

    async def unmarked_sites(self, *, most: int, now_ms: int) -> Sequence[str]:
        """Sites with a camera that has no mark, or one that has ended."""
        return await self._rows.unmarked_sites(most=most, now_ms=now_ms)

    async def sites_after(self, site_id: str, *, most: int) -> Sequence[str]:
        """Sites with cameras, in the order of their ids, behind this one."""
        return await self._rows.sites_after(site_id, most=most)

    async def marks(self) -> Collection[str]:
        """Every mark that a camera has."""
        return await self._rows.marks()

    async def site_changed(self, unit: UnitOfWork, site: Site) -> None:
        """Keep the site's facts beside its cameras (`partners.SiteWatcher`)."""
        for camera in await self._rows.of_site(site.id, unit=unit):
            if camera.people_live_here != site.people_live_here:
                await self._rows.save(unit, replace(camera, people_live_here=site.people_live_here))
                self._wake(unit, camera)
        unit.bump(site.id)

    async def site_removed(self, unit: UnitOfWork, site: Site) -> None:
        """The site is gone, and its cameras with it."""
        for camera in await self._rows.of_site(site.id, unit=unit):
            await self._remove(unit, camera, person="")

    async def _remove(self, unit: UnitOfWork, camera: Camera, *, person: str) -> None:
        await self._rows.remove(unit, camera.id)
        await self._leaf(unit, Kind.CAMERA_REMOVED, camera, person=person)
        self._wake(unit, camera)

    def _wake(self, unit: UnitOfWork, camera: Camera) -> None:
        """Whatever is shown of the camera's site is decided again, wherever that is."""
        unit.bump(camera.site_id)
        unit.after_commit(lambda: self._publisher.publish(f"camera.{camera.id}", camera.site_id))

    async def _mine(self, unit: UnitOfWork, principal: Principal, camera_id: str) -> Camera:
        camera = await self._rows.camera(camera_id, unit=unit)
        if camera is None or camera.organisation_id != principal.organisation_id:
            raise NotFoundError("There is no such camera.")
        return camera

    async def _leaf(self, unit: UnitOfWork, kind: Kind, camera: Camera, *, person: str) -> None:
        who = {"organisation": camera.organisation_id, "site": camera.site_id, "camera": camera.id}
        if person:
            who["person"] = person
        draft = LeafDraft(
            kind=kind,
            streams=frozenset(who.values()),
            public={"is_public_facing": camera.facts.is_public_facing, "people_live_here": camera.people_live_here},
            details=who | {"camera_name": camera.name},
        )
        await self._log.append(unit, draft)
