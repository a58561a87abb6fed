"""A view of the site's recording through every real part: camera, ring, agent, gateway, log, relay."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.audit import Query
from gateway.incidents import IncidentReport
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, NotFoundError
from gateway.live import AskWish, OpenedView, ViewQuestion, Words, words_of
from gateway.live.showing import Offered, Order
from partner_agent.rtc import h264
from partner_agent.wire.clock import from_rfc3339, to_rfc3339
from policies.clauses import Recordings
from policies.vocabulary import Act, IncidentKind, Origin, Remedy
from tests.e2e.test_live_view import City, city
from tests.support.agent_process import PIN
from tests.support.legs import TWO
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def opened(town: City, *, at: datetime, incident_id: str = "") -> OpenedView:
    """The operator asks to see the recording."""
    return await town.server.services.live.open(
        town.operator,
        camera_id=town.camera.id,
        purpose="violent_crime",
        incident_id=incident_id or town.incident_id,
        fingerprint=TWO.fingerprint,
        wanted_at=at,
    )


async def test_under_ask_me_the_owner_s_yes_on_site_shows_exactly_what_was_asked_for(
    sqlite_database: Database, tmp_path: Path
):
    """Refused and offered; asked; the owner reads the range on site and says yes; that range plays, and no other."""
    async with city(sqlite_database, tmp_path, is_recorded=True) as town:
        services = town.server.services
        began = services.clock.now()
        await until(lambda: services.clock.now() - began > timedelta(seconds=8), timeout_s=15)
        wanted = services.clock.now()
        question = ViewQuestion(
            principal=town.operator,
            camera_id=town.camera.id,
            purpose="violent_crime",
            incident_id=town.incident_id,
            wanted_at=wanted,
        )
        assert await services.showings.offer(question) == Offered(remedies=(Remedy.ASK,))
        with pytest.raises(DeniedError, match=r"^Available if the owner agrees\.$"):
            await opened(town, at=wanted)

        wish = AskWish(
            camera_id=town.camera.id,
            purpose="violent_crime",
            incident_id=town.incident_id,
            act=Act.RECORDED_VIEW,
            wanted_at=wanted,
        )
        asked = await services.view_asks.ask(town.operator, wish)
        assert asked.footage is not None
        waiting: list[dict[str, str]] = []

        async def is_put() -> bool:
            waiting[:] = (await town.agent.ask(do="status"))["views"]
            return bool(waiting)

        await town.server.until(is_put)
        assert waiting[0]["what"].startswith("the recording of ")
        said = await town.agent.ask(do="view", subject=waiting[0]["sha256"], pin=PIN)
        assert said["ok"] is True

        async def is_given() -> bool:
            return (await services.showings.offer(question)).is_once

        await town.server.until(is_given)
        view = await opened(town, at=wanted - timedelta(seconds=4))
        assert (view.range_from, view.range_to) == (asked.footage.start, asked.footage.end)
        end = await town.call(view)
        await until(lambda: len(end.rtp) > 20, timeout_s=15)
        await town.in_state(view, "established")
        with pytest.raises(DeniedError):
            await opened(town, at=wanted)
        log = await services.audit.find(Query(streams=frozenset({town.camera.id})), limit=50)
        steps = [entry.kind for entry in reversed(log.entries) if entry.said("act") == "recorded.view"]
        assert [kind for kind in steps if kind in {"view.asked", "view.approved", "view.started"}] == [
            "view.asked", "view.approved", "view.started",
        ]  # fmt: skip
        await end.leg.close()
        end.port.close()


async def test_a_recording_is_played_searched_and_ended_by_the_owner_s_switch(
    sqlite_database: Database, tmp_path: Path
):
    """Seconds after it happened; faster; from a moment elsewhere; ended at once; the account names the moments."""
    async with city(sqlite_database, tmp_path, is_recorded=True, recordings=Recordings.NEARBY) as town:
        services = town.server.services
        began = services.clock.now()
        await until(lambda: services.clock.now() - began > timedelta(seconds=14), timeout_s=20)
        wanted = services.clock.now() - timedelta(seconds=8)

        view = await opened(town, at=wanted)
        end = await town.call(view)
        await until(lambda: len(end.rtp) > 20, timeout_s=15)
        assert h264.starts_key_unit(end.rtp[0].payload)
        await town.in_state(view, "established")
        stamps = sorted({packet.timestamp for packet in end.rtp})
        assert all(one < two for one, two in pairwise(stamps))

        steer, who, name = services.showings.steer, town.operator, view.session_id
        coverage = await services.showings.coverage(who, name)
        assert coverage.spans
        playing = await steer(who, name, Order(speed_percent=200))
        assert playing.speed_percent == 200
        earlier = wanted - timedelta(seconds=4)
        there = await steer(who, name, Order(position=earlier, is_paused=True))
        assert abs(datetime.fromisoformat(there.position) - earlier) < timedelta(seconds=0.3)
        shown = (await steer(who, name, Order(step=-1))).position
        assert shown < there.position
        small = await services.showings.thumbnails(who, name, [earlier])
        assert len(small.pictures) == 1

        await services.sharing.switch(town.server.owner, town.camera, is_on=False)

        ended = await town.in_state(view, "ended")
        assert words_of(ended) is Words.ENDED_BY_RULES
        with pytest.raises(NotFoundError):
            await steer(who, name, Order(is_paused=False))

        async def is_accounted() -> bool:
            return (await town.read(view)).footage_s is not None

        await town.server.until(is_accounted)
        log = await services.audit.find(Query(streams=frozenset({name})), limit=50)
        (account,) = [entry for entry in log.entries if entry.kind == "recording.shown"]
        footage = account.said("footage")
        assert isinstance(footage, list)
        assert any(start <= shown <= stop for start, stop in footage)
        session = await town.read(view)
        assert session.range_from is not None
        assert session.range_from >= began - timedelta(minutes=5, seconds=5)
        await end.leg.close()
        end.port.close()


async def test_nothing_of_before_the_call_s_five_minutes_is_shown(sqlite_database: Database, tmp_path: Path):
    """Whatever moment is asked for, the range begins five minutes before the call at most."""
    async with city(sqlite_database, tmp_path, is_recorded=True, recordings=Recordings.NEARBY) as town:
        services, place = town.server.services, town.camera.place
        report = IncidentReport(IncidentKind.ROBBERY, Origin.CAD, place.lat, place.lon, number="26-2")
        incident = await services.incidents.feed(town.operator.organisation_id, report)

        view = await opened(town, at=services.clock.now() - timedelta(hours=3), incident_id=incident.id)

        session = await town.read(view)
        assert session.range_from is not None
        opened_at = from_rfc3339(to_rfc3339(incident.opened_at))  # in milliseconds, as everybody is told
        assert session.range_from >= opened_at - timedelta(minutes=5)
