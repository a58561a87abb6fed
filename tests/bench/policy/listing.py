"""A page of 500 of a million cameras, with what each caller may read of each, on SQLite and on PostgreSQL.

Boxes of 2, 8 and 30 km anywhere in the city, twelve classes of callers, four purposes, with and without an incident. A
peer reads the same cameras and decides each by itself, with its rules compiled and in memory already, which no real one
would have. The figures in milliseconds are what a caller waits, on the wall clock. Cold: in a process that has compiled
and decided nothing yet.
"""

import asyncio
import dataclasses
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.cameras import Box, Camera, Wanted, position_of
from gateway.kernel.database import Database
from gateway.kernel.principal import Role
from gateway.partners import Place
from gateway.sharing import Listing, Look, Search, ground_of
from gateway.sharing.layering import SiteLayers
from gateway.sharing.listing import PAGE
from gateway.sharing.looking import WISH, look, subject_of
from gateway.sharing.signatures import CAMERA, PARTNER
from partner_agent.wire.clock import to_ms
from policies import request as law
from policies.geo import point_of
from policies.vocabulary import Purpose
from tests.bench.harness import Bench, Gate
from tests.bench.policy import cities
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.sharing import incident, operator, sharing_world

Work = Callable[[], Coroutine[Any, Any, object]]
Way = Callable[[Search, Box], Coroutine[Any, Any, object]]
PAGES: Final = 210  # of one sample, a third of each size; five samples are a thousand
COLD: Final = 20
SIZES_KM: Final = (2, 8, 30)
PURPOSES: Final = ("violent_crime", "life_safety", "investigation", "traffic")
CALLERS: Final = tuple(
    dataclasses.replace(operator(), unit=unit, roles=frozenset({role}), factors=frozenset(factors))
    for unit in ("rtcc", "patrol")
    for role in (Role.OPERATOR, Role.SUPERVISOR)
    for factors in (("password", "totp"), ("password", "passkey"), ("password",))
)


def run(bench: Bench) -> None:
    """The rows of lists."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        for name, bound_ms in (("sqlite", 15), ("postgresql", 40)):
            stack = AsyncExitStack()
            city = runner.run(_open(stack, name, Path(folder)))
            _measure(bench, runner, city, name, Gate("<=", bound_ms, is_absolute=True))
            runner.run(stack.aclose())


async def _open(stack: AsyncExitStack, name: str, folder: Path) -> "_City":
    made = cities.signatures(Random(7))
    bodies = {f"{_ground()}.{one.digest}": one.body for one in made}
    opened = cities.on_sqlite(folder, bodies) if name == "sqlite" else cities.on_postgresql(bodies)
    return _City(await stack.enter_async_context(opened))


def _measure(bench: Bench, runner: asyncio.Runner, city: "_City", name: str, gate: Gate) -> None:
    def p95(work: Work, count: int) -> float:
        taken = sorted(_ms(runner, work) for _ in range(count))
        return taken[count * 95 // 100 - 1]

    runner.run(city.warm())
    bench.figure(f"page500_p95_ms_{name}", lambda: p95(city.page, PAGES), "ms", gate)
    bench.figure(f"page500_cold_p95_ms_{name}", lambda: p95(city.cold_page, COLD), "ms")
    bench.figure(f"count_30km_p95_ms_{name}", lambda: p95(city.count, COLD), "ms")
    if name == "sqlite":
        wanted = [city.wanted() for _ in range(6)]
        for search, box in wanted:
            assert runner.run(city.listed(search, box)) == runner.run(city.each(search, box))
        ours, each = (_work(runner, way, wanted) for way in (city.listed, city.each))
        bench.faster("page500_vs_each", ours, each, Gate(">=", 20))


def _ms(runner: asyncio.Runner, work: Work) -> float:
    started = time.perf_counter()
    runner.run(work())
    return (time.perf_counter() - started) * 1000


def _work(runner: asyncio.Runner, way: Way, wanted: list[tuple[Search, Box]]) -> Callable[[], int]:
    def work() -> int:
        for search, box in wanted:
            runner.run(way(search, box))
        return len(wanted)

    return work


def _ground() -> str:
    """The name of the ground in a world of the tests."""
    world = sharing_world(Database("sqlite+in_loop:///:memory:"), **_parts())
    return ground_of(world.book)


def _parts() -> dict[str, Any]:
    return {"clock": FakeClock(), "ids": SequentialIds()}


class _City:
    """A million cameras, and somebody who looks."""

    def __init__(self, database: Database) -> None:
        self._world = sharing_world(database, **_parts())
        self._dice = Random(3)

    def wanted(self, *, km: float | None = None) -> tuple[Search, Box]:
        """Somebody's question about some box of the city."""
        dice, half = self._dice, (km or self._dice.choice(SIZES_KM)) / 2
        reach = cities.HALF_KM - half
        lat = cities.CENTRE.lat + dice.uniform(-reach, reach) * cities.KM_LAT
        lon = cities.CENTRE.lon + dice.uniform(-reach, reach) * cities.KM_LON
        box = Box(lat - half * cities.KM_LAT, lon - half * cities.KM_LON, lat + half * cities.KM_LAT,
                  lon + half * cities.KM_LON)  # fmt: skip
        told = incident(self._world.clock, place=Place(lat, lon)) if dice.random() < 0.5 else None
        purpose = dice.choice(PURPOSES[:3] if told else PURPOSES)
        return Search(principal=dice.choice(CALLERS), purpose=purpose, incident=told), box

    async def warm(self) -> None:
        """Every class of callers has asked once, as in any minute but the first of a process."""
        for _ in range(PAGES * 2):
            await self.page()

    async def page(self) -> None:
        """One page."""
        await self._world.listing.page(*self.wanted())

    async def cold_page(self) -> None:
        """One page of a process that has only just started."""
        w = self._world
        fresh = Listing(cameras=w.base.cameras, layering=w.layering, rows=w.rows, ground=_GROUND, clock=w.clock)
        await fresh.page(*self.wanted())

    async def count(self) -> None:
        """How many cameras the caller may know of, by square."""
        await self._world.listing.counts(*self.wanted(km=30))

    async def listed(self, search: Search, box: Box) -> list[tuple[str, Look]]:
        """A page, as it is listed."""
        return [(one.camera.id, one.look) for one in (await self._world.listing.page(search, box)).listed]

    async def each(self, search: Search, box: Box) -> list[tuple[str, Look]]:
        """The same page, each camera decided by itself."""
        w, found = self._world, []
        now_ms, after = to_ms(w.clock.now()), None
        while len(found) < PAGE:
            cameras = await w.base.cameras.page(box, Wanted(most=PAGE + 1, after=after, now_ms=now_ms))
            for camera in cameras:
                seen = look(self._site(camera), self._asked(search))
                if seen.is_known:
                    found.append((camera.id, seen))
            if len(cameras) <= PAGE:
                break
            after = position_of(cameras[-1])
        return found[:PAGE]

    def _asked(self, search: Search) -> law.Request:
        now, told = self._world.clock.now(), search.incident
        return law.Request(
            now=now,
            partner=PARTNER,
            camera=CAMERA,
            act=search.act,
            purpose=Purpose(search.purpose),
            subject=subject_of(search.principal),
            caps=WISH,
            incident=None if told is None else told.fact(now),
        )

    def _site(self, camera: Camera) -> SiteLayers:
        w, place = self._world, point_of(camera.place.lat, camera.place.lon)
        compiled = w.listing._compiled[camera.mark]
        return compiled.site(place, w.book.ordinance.layer, w.layering.agency, is_suspended=False)


_GROUND: Final = _ground()
