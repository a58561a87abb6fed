"""A live view through every real part: camera, agent, gateway, log, relay; ended by the owner's one switch."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from gateway.audit import Query
from gateway.cameras import Camera as ListedCamera
from gateway.cameras import CameraFacts
from gateway.identity import Membership
from gateway.incidents import IncidentReport
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, NotFoundError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import OpenedView, Session, Words, words_of
from gateway.live.ports import ViewDeny, ViewPermit, ViewQuestion
from gateway.partners import Place
from gateway.sites import Progress
from partner_agent.rtc import h264, sdp, sdp_sound
from partner_agent.rtc.mux import UdpPort
from partner_agent.simulator.camera import Camera
from policies.clauses import Preset, of_preset
from policies.vocabulary import IncidentKind, Origin
from tests.support.agent_process import PIN, AgentProcess
from tests.support.cameras import camera_server, make_film, small_stream
from tests.support.legs import TWO, End
from tests.support.ordinances import enact
from tests.support.site_server import SiteServer, site_server
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@dataclass
class City:
    """A gateway with a shared camera, an operator and an incident nearby."""

    server: SiteServer
    agent: AgentProcess
    camera: ListedCamera
    operator: Principal
    incident_id: str
    tasks: TaskGroup
    media_address: str
    door: Camera

    async def open(self) -> OpenedView:
        """The operator asks to see the camera."""
        return await self.server.services.live.open(
            self.operator,
            camera_id=self.camera.id,
            purpose="violent_crime",
            incident_id=self.incident_id,
            fingerprint=TWO.fingerprint,
        )

    async def call(
        self, opened: OpenedView, *, into: list[bytes] | None = None, wants: sdp_sound.Sound | None = None
    ) -> End:
        """Call the relay as the operator's browser would, for its sound too if it `wants` it; packets go to `into`."""
        end = End(await UdpPort.open(self.media_address), TWO, is_controlling=True, rtp=[] if into is None else into)
        offer = sdp.Call(end.leg.user_fragment, end.leg.password, TWO.fingerprint, "actpass", "recvonly", 96, "42e01f")
        offer = replace(offer, sound=wants)
        headers = {"content-type": "application/sdp", "authorization": f"Bearer {opened.ticket}"}
        response = await self.server.http.post(opened.whep_url, content=sdp.write(offer), headers=headers)
        assert response.status_code == 201, response.text
        answer = sdp.parse(response.text)
        await end.leg.add_candidate(answer.candidates[0])
        with anyio.fail_after(10):
            await end.leg.connect(
                user_fragment=answer.user_fragment,
                password=answer.password,
                fingerprint=answer.fingerprint,
                role="client",
            )
        self.tasks.start_soon(end.report)
        return end

    async def read(self, opened: OpenedView) -> Session:
        """Where the view stands."""
        return await self.server.services.live.view(self.operator, opened.session_id)

    async def in_state(self, opened: OpenedView, *states: str) -> Session:
        """Wait until it is in one of `states`."""

        async def is_there() -> bool:
            return (await self.read(opened)).state in states

        await self.server.until(is_there)
        return await self.read(opened)


@asynccontextmanager
async def city(
    database: Database,
    folder: Path,
    preset: Preset = Preset.EMERGENCIES,
    *,
    is_recorded: bool = False,
    media_address: str = "127.0.0.1",
    site_address: str = "",
    told: Mapping[str, Any] = MappingProxyType({}),
    law: str = "",
    sound: tuple[bytes, ...] = (),
    camera_at: Mapping[str, str] = MappingProxyType({}),
    **answers: Any,
) -> AsyncIterator[City]:
    """Everything running, the first document approved on site; `answers` change those of the preset.

    `told` are settings of the gateway, `law` an ordinance that is enacted first, `sound` is the camera's;
    `media_address` is where site and viewers meet the engine, `site_address` the site's own where it is another one.
    """
    film = small_stream(make_film(folder / "film.mp4"), folder, gop_frames=15)
    door = Camera("door", {"main": film}, algorithms=(), sound=sound)
    async with (
        camera_server(door) as rtsp,
        site_server(database, folder, told=told) as server,
    ):
        at = {"url": f"rtsp://127.0.0.1:{rtsp}/door/main", **camera_at}
        agent = AgentProcess(
            folder / "agent",
            server.url,
            ("door",),
            **at,
            is_recorded=is_recorded,
            media_address=site_address or media_address,
        )
        await server.until_key_set()
        if law:
            await enact(server.services.ordinances, law)
        async with agent.enrolling() as (code, finish):
            await server.approve(code)
            await finish()
        async with agent.running(), anyio.create_task_group() as tasks:
            camera = await _shared(server, agent, preset, answers)
            operator = await _operator(server)
            place = camera.place
            report = IncidentReport(IncidentKind.ROBBERY, Origin.CAD, place.lat, place.lon, number="26-1")
            incident = await server.services.incidents.feed(operator.organisation_id, report)
            await until(lambda: server.services.live.is_running)
            yield City(server, agent, camera, operator, incident.id, tasks, media_address, door)
            tasks.cancel_scope.cancel()


async def _shared(server: SiteServer, agent: AgentProcess, preset: Preset, answers: dict[str, Any]) -> ListedCamera:
    services, site = server.services, server.site

    async def has_camera() -> bool:
        return len((await server.sites.agents.view(site.organisation_id, site.id)).cameras) == 1

    await server.until(has_camera)
    facts = CameraFacts("Front door", Place(41.88, -87.63), None, is_public_facing=True, purpose="The entrance")
    camera = await services.cameras.add(server.owner, site, facts)
    local = (await server.sites.agents.view(site.organisation_id, site.id)).cameras[0]
    await server.sites.agents.tick(server.owner, site.id, {local.local_id: camera.id})
    clauses = [replace(of_preset(preset, frozenset({camera.id}), is_home=False), **answers)]
    await services.sharing.save(server.owner, site.id, clauses, made_from=0)

    async def is_progress(progress: Progress) -> bool:
        return (await server.sites.agents.view(site.organisation_id, site.id)).progress is progress

    await server.until(lambda: is_progress(Progress.WAITING_FOR_APPROVAL))
    (waiting,) = (await agent.ask(do="status"))["proposals"]
    assert (await agent.ask(do="approve", subject=waiting["sha256"], pin=PIN))["ok"] is True
    await server.until(lambda: is_progress(Progress.READY))
    return await services.cameras.camera(camera.id)


async def _operator(server: SiteServer) -> Principal:
    identity = server.services.identity
    agency = await identity.people.agency()
    async with server.services.database.unit_of_work() as unit:
        person_id = await identity.person_for(unit, email="op@city.example", name="Robin Diaz")
        held = Membership(agency.id, frozenset({Role.OPERATOR}), "rtcc")
        await identity.people._store.put_agency_membership(unit, person_id, held)
        await unit.commit(unaudited="somebody at the centre, without the invitation")
    return Principal(
        kind=PrincipalKind.AGENCY,
        person_id=person_id,
        organisation_id=agency.id,
        roles=frozenset({Role.OPERATOR}),
        unit="rtcc",
        factors=frozenset({"password", "totp"}),
    )


async def lives_until_the_owner_switches_off(town: City) -> End:
    """A view of the whole way: started, leased for longer than a lease lives, over at once, logged."""
    services = town.server.services
    opened = await town.open()
    end = await town.call(opened)
    await until(lambda: len(end.rtp) > 20, timeout_s=15)
    await town.in_state(opened, "established")
    await anyio.sleep(12)  # longer than a lease: it is being renewed on all sides
    count = len(end.rtp)
    await until(lambda: len(end.rtp) > count)

    await services.sharing.switch(town.server.owner, town.camera, is_on=False)

    ended = await town.in_state(opened, "ended")
    assert words_of(ended) is Words.ENDED_BY_RULES
    count = len(end.rtp)
    await anyio.sleep(0.5)
    assert len(end.rtp) == count
    with pytest.raises((DeniedError, NotFoundError)):
        await town.open()

    async def is_accounted() -> bool:
        return (await town.read(opened)).is_reconciled

    await town.server.until(is_accounted)
    log = await services.audit.find(Query(streams=frozenset({opened.session_id})), limit=50)
    kinds = [entry.kind for entry in reversed(log.entries)]
    assert kinds[:4] == ["view.requested", "grant.issued", "view.accepted", "view.started"]
    assert set(kinds[4:]) == {"view.ended", "view.accounted"}
    await end.leg.close()
    end.port.close()
    return end


async def test_a_view_lives_and_ends_by_the_owner_s_switch(sqlite_database: Database, tmp_path: Path):
    """Permitted by both keys, decodable from the first packet, over at once; both accounts fit."""
    async with city(sqlite_database, tmp_path) as town:
        end = await lives_until_the_owner_switches_off(town)
        assert h264.starts_key_unit(end.rtp[0].payload)


async def test_a_view_goes_on_past_moments_at_which_it_is_decided_again(sqlite_database: Database, tmp_path: Path):
    """Here each four seconds, of which one is a beat's and one the relay's: no picture is missed for long."""
    async with city(sqlite_database, tmp_path) as town:
        decider = town.server.services.live._decider
        decide = decider.decide
        asked: list[ViewQuestion] = []

        async def soon(question: ViewQuestion) -> ViewPermit | ViewDeny:
            asked.append(question)
            answer = await decide(question)
            horizon = town.server.services.clock.now() + timedelta(seconds=4)
            return replace(answer, horizon=horizon) if isinstance(answer, ViewPermit) else answer

        decider.decide = soon  # type: ignore[method-assign]
        decider.together = lambda: decider  # type: ignore[method-assign]  # the first decision is one of these, too
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: end.rtp, timeout_s=15)
        longest_s = 0.0
        for _ in range(40):
            before = len(end.rtp)
            with anyio.fail_after(3):
                began = anyio.current_time()
                await until(lambda before=before: len(end.rtp) > before)
            longest_s = max(longest_s, anyio.current_time() - began)
            await anyio.sleep(0.3)

        assert (await town.read(opened)).state == "established"
        assert len(asked) > 3
        assert longest_s < 1
        await end.leg.close()
        end.port.close()


async def test_two_viewers_share_one_uplink(sqlite_database: Database, tmp_path: Path):
    """The second joins what runs; when the first leaves, the second goes on."""
    async with city(sqlite_database, tmp_path) as town:
        first = await town.open()
        one = await town.call(first)
        await until(lambda: one.rtp, timeout_s=15)
        second = await town.open()
        two = await town.call(second)
        await until(lambda: two.rtp, timeout_s=15)
        assert (await town.read(first)).publication == (await town.read(second)).publication

        await town.server.services.live.leave(town.operator, first.session_id)
        await town.in_state(first, "ended")
        count = len(two.rtp)

        await until(lambda: len(two.rtp) > count + 10, timeout_s=5)
        assert (await town.read(second)).state == "established"
        for end in (one, two):
            await end.leg.close()
            end.port.close()


async def test_a_pause_on_site_ends_the_view(sqlite_database: Database, tmp_path: Path):
    """The site's own switch, whatever the gateway would say: frames stop, and nothing new is given."""
    async with city(sqlite_database, tmp_path) as town:
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: end.rtp, timeout_s=15)

        assert (await town.agent.ask(do="pause"))["ok"] is True

        ended = await town.in_state(opened, "ended")
        assert words_of(ended) is Words.ENDED_BY_RULES
        count = len(end.rtp)
        await anyio.sleep(0.5)
        assert len(end.rtp) == count
        await end.leg.close()
        end.port.close()
