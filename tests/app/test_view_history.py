"""What new answers are tried on: views that happened, those that the owner refused by a rule, and those that run."""

import dataclasses
from datetime import timedelta

import pytest

from gateway.app.view_history import LiveHistory
from gateway.evidence import ClipRequest, ClipState
from gateway.incidents import Incident, Stop
from gateway.kernel.errors import DeniedError
from policies.geo import cell_of
from policies.request import Span
from policies.vocabulary import IncidentKind, Origin
from tests.support.live import CAMERA, INCIDENT, ORGANISATION, SITE, live_plane, made_up

pytestmark = pytest.mark.anyio


def clip_request(now, **changes):
    """A recording of a minute that arrived."""
    usual = {
        "id": made_up("clp", 1), "agency_id": "age_1", "person_id": made_up("per", 1),
        "asker": {"roles": ["operator"], "unit": "rtcc", "factors": ["passkey"]}, "organisation_id": "", "site_id": "",
        "agent_id": "", "camera_id": CAMERA, "purpose": "violent_crime", "incident_id": "",
        "t0": now - timedelta(minutes=9), "t1": now - timedelta(minutes=8), "state": ClipState.RECEIVED, "cause": "",
        "document": {}, "document_sha256": "", "approval": None, "session_id": "", "held_until": None,
        "created_at": now, "expires_at": now, "changed_at": now, "version": 1,
    }  # fmt: skip
    return ClipRequest(**{**usual, **changes})


class Incidents:
    """Finds one incident, which moved an hour after it was opened, and counts how often it is looked for."""

    def __init__(self, opened_at):
        first, second = Stop(41.88, -87.63, "", opened_at), Stop(41.9, -87.63, "", opened_at + timedelta(hours=1))
        self.incident = Incident(
            INCIDENT, "age_1", IncidentKind.ROBBERY, Origin.CAD, "26-1", opened_at, "", stops=(first, second)
        )
        self.asked = 0

    async def find(self, incident_id):
        self.asked += 1
        return self.incident if incident_id == INCIDENT else None


class Recordings:
    """What was handed over, by organisation."""

    def __init__(self, *clips):
        self.clips = clips

    async def handed_over(self, organisation_id, *, since, most):
        return [one for one in self.clips if one.organisation_id == organisation_id and one.created_at >= since][:most]


@pytest.fixture
async def plane(database, tmp_path):
    """Live views on both databases."""
    async with live_plane(database, tmp_path) as running:
        yield running


async def test_nothing_is_known_before_live_views_are_built(plane):
    """Sharing is built first; until it is told, there were no views."""
    history = LiveHistory(clock=plane.clock, log=plane.audit, incidents=Incidents(plane.clock.now()))

    assert await history.past(SITE, ORGANISATION, since=plane.clock.now(), most=10) == []
    assert await history.running(SITE) == []


async def test_views_that_happened_and_that_the_rules_refused(plane):
    """Newest first, with the incident where it then was; what another layer refused does not count."""
    incidents = Incidents(plane.clock.now() - timedelta(minutes=5))
    history = LiveHistory(clock=plane.clock, log=plane.audit, incidents=incidents)
    history.tie(plane.sessions.live, Recordings())
    started = plane.clock.now()
    seen = await plane.accepted()
    plane.clock.advance(60)
    plane.decider.deny()
    with pytest.raises(DeniedError):
        await plane.open()

    refused, happened = await history.past(SITE, ORGANISATION, since=started, most=10)
    assert (happened.id, happened.has_happened, happened.camera_id) == (seen.id, True, CAMERA)
    assert (refused.has_happened, refused.purpose, refused.unit) == (False, "violent_crime", "rtcc")
    assert refused.roles == happened.roles == frozenset({"operator"})
    assert happened.incident.cell == cell_of(41.88, -87.63)
    assert not happened.incident.has_moved
    assert incidents.asked == 1
    assert [one.id for one in await history.past(SITE, ORGANISATION, since=started, most=1)] == [refused.id]
    assert await history.past(made_up("sit", 9), ORGANISATION, since=started, most=10) == []
    assert await history.past(SITE, ORGANISATION, since=plane.clock.now() + timedelta(seconds=1), most=10) == []


async def test_recordings_that_were_handed_over(plane):
    """Of this site alone, with their range, and who asked as they then were."""
    clip = clip_request(plane.clock.now(), site_id=SITE, organisation_id=ORGANISATION, incident_id=INCIDENT)
    elsewhere = dataclasses.replace(clip, id=made_up("clp", 2), site_id=made_up("sit", 9))
    history = LiveHistory(
        clock=plane.clock, log=plane.audit, incidents=Incidents(plane.clock.now() - timedelta(minutes=5))
    )
    history.tie(plane.sessions.live, Recordings(clip, elsewhere))

    (found,) = await history.past(SITE, ORGANISATION, since=plane.clock.now(), most=10)
    assert (found.id, found.has_happened, found.span) == (clip.id, True, Span(clip.t0, clip.t1))
    assert (found.unit, found.roles) == ("rtcc", frozenset({"operator"}))
    assert found.incident.is_active


async def test_views_that_run(plane):
    """Those of the site, with the incident where it is now; one without an incident has none."""
    history = LiveHistory(
        clock=plane.clock, log=plane.audit, incidents=Incidents(plane.clock.now() - timedelta(hours=2))
    )
    history.tie(plane.sessions.live, Recordings())
    await plane.accepted()
    await plane.accepted(incident_id="")

    with_one, without = sorted(await history.running(SITE), key=lambda view: view.incident is None)
    assert with_one.incident.has_moved
    assert without.incident is None
    assert await history.running(made_up("sit", 9)) == []
