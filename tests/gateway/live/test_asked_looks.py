"""An owner is asked for a recording, or for a still: a yes gives that and nothing else, to who asked, once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError
from gateway.kernel.principal import Principal
from gateway.live import AskWish, Standing, ViewAsk, ViewQuestion
from gateway.live.showing import Offered
from gateway.live.stills.taking import OfferedStill
from partner_agent.wire import views
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.limits import ASKED_VOCABULARY, RECORDED_APPROVED_S
from policies.vocabulary import Act, Remedy
from tests.fakes.clock import START
from tests.gateway.live.test_stills import PatientClock, taken
from tests.support.asking import DELEGATE, TOUCH
from tests.support.live import BROWSER, CAMERA, INCIDENT, OPERATOR, ORGANISATION, OTHER, Plane, live_plane, made_up
from tests.support.live_http import live_app

pytestmark = pytest.mark.anyio
AT = START - timedelta(minutes=30)
ACTS = (Act.LIVE_VIEW, Act.RECORDED_VIEW, Act.STILL_TAKE)
NO = r"^(Available if the owner agrees|Not available for this purpose)\.$"


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Looks on both databases, of a camera whose owner wants to be asked."""
    async with live_plane(database, tmp_path, clock=PatientClock()) as running:
        running.decider.needs_yes = True
        yield running


async def ask(plane: Plane, act: Act, principal: Principal = OPERATOR, **changes: Any) -> ViewAsk:
    """Ask about the camera."""
    wish: dict[str, Any] = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT, "act": act}
    if act is Act.RECORDED_VIEW:
        wish["wanted_at"] = AT
    return await plane.sessions.asks.ask(principal, AskWish(**(wish | changes)))


async def agreed(plane: Plane, act: Act) -> ViewAsk:
    """Ask, and let the owner say yes."""
    asked = await ask(plane, act)
    return await plane.sessions.asks.approve(DELEGATE, asked.id, TOUCH)


async def had(plane: Plane, act: Act, **changes: Any) -> None:
    """Have it, or be refused."""
    match act:
        case Act.LIVE_VIEW:
            await plane.accepted(**changes)
        case Act.RECORDED_VIEW:
            await plane.accepted(wanted_at=AT, **changes)
        case _:
            await taken(plane, **changes)


def question(act: Act) -> ViewQuestion:
    """What a page asks before it shows a button."""
    at = AT if act is Act.RECORDED_VIEW else None
    return ViewQuestion(
        principal=OPERATOR, camera_id=CAMERA, purpose="violent_crime", incident_id=INCIDENT, wanted_at=at
    )


# --- asked


async def test_the_request_names_person_act_and_range_as_the_site_will_check_them(plane: Plane):
    """A document both ends read, and leaves that say to the owner what was asked for."""
    asked = await ask(plane, Act.RECORDED_VIEW)

    request = views.parse(dict(asked.document))
    assert (request.kind, request.who) == (Act.RECORDED_VIEW, "ref")
    assert request.span == (AT - timedelta(minutes=4), AT)
    assert request.sha256 == asked.document_sha256
    (leaf,) = await plane.log(ORGANISATION)
    assert (leaf.kind, leaf.said("act")) == ("view.asked", "recorded.view")
    assert (leaf.said("recorded_from"), leaf.said("recorded_to")) == (
        to_rfc3339(AT - timedelta(minutes=4)), to_rfc3339(AT)
    )  # fmt: skip


async def test_each_act_is_asked_for_once(plane: Plane):
    """An owner who was asked for the live picture may be asked for the recording; for none of them twice."""
    asked = [await ask(plane, act) for act in ACTS]
    assert len({one.id for one in asked}) == 3
    for act, one in zip(ACTS, asked, strict=True):
        assert (await ask(plane, act)).id == one.id
        with pytest.raises(DeniedError):
            await ask(plane, act, camera_id=made_up("cam", 30))


@pytest.mark.parametrize("act", [Act.RECORDED_VIEW, Act.STILL_TAKE])
async def test_an_agent_that_does_not_know_the_question_is_not_asked(plane: Plane, act: Act):
    """Nobody is told, the operator reads the one sentence, and no page offers it."""
    plane.ask_sites.is_new = False
    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await ask(plane, act)

    assert plane.ask_sites.asked == []
    assert [(leaf.kind, leaf.said("act")) for leaf in await plane.log(ORGANISATION)] == [("view.denied", act.value)]
    assert await plane.sessions.showings.offer(question(Act.RECORDED_VIEW)) == Offered()
    assert await plane.sessions.stills.taking.offer(question(Act.STILL_TAKE)) == OfferedStill()


# --- answered


@pytest.mark.parametrize("asked", ACTS)
async def test_a_yes_to_one_act_opens_no_other(plane: Plane, asked: Act):
    """Nothing else is even sent to the site; what was asked for is given, once."""
    await agreed(plane, asked)
    for act in ACTS:
        if act is not asked:
            with pytest.raises(DeniedError, match=NO):
                await had(plane, act)
    assert plane.site.grants == []

    await had(plane, asked)
    with pytest.raises(DeniedError, match=NO):
        await had(plane, asked)
    assert [read.grant.act for read in plane.site.grants] == [asked.value]


async def test_a_yes_to_a_recording_opens_exactly_what_was_asked_for(plane: Plane):
    """Whatever moment is pressed then; of who asked, for a quarter of an hour, with request and touch in the grant."""
    asked = await agreed(plane, Act.RECORDED_VIEW)
    with pytest.raises(DeniedError, match=NO):
        await plane.open(wanted_at=AT, principal=OTHER)
    session = await plane.accepted(wanted_at=START)

    assert asked.footage is not None
    assert (session.range_from, session.range_to) == (asked.footage.start, asked.footage.end)
    assert (session.horizon_at - session.requested_at).total_seconds() <= RECORDED_APPROVED_S
    grant = plane.site.grants[-1].grant
    assert grant.recorded is not None
    assert grant.approval is not None
    assert (grant.recorded.start, grant.recorded.end) == (asked.document["from"], asked.document["to"])
    assert (grant.approval.document, grant.approval.assertion) == (asked.document, TOUCH)


async def test_a_page_learns_that_it_may_ask_and_then_that_it_was_given(plane: Plane):
    """Before: ask. Asked: still so, while the owner may answer. Yes: once, with the range. Used up: nothing."""
    offer, still = plane.sessions.showings.offer, plane.sessions.stills.taking.offer
    assert await offer(question(Act.RECORDED_VIEW)) == Offered(remedies=(Remedy.ASK,))
    assert await still(question(Act.STILL_TAKE)) == OfferedStill(remedies=(Remedy.ASK,))
    asked = await agreed(plane, Act.RECORDED_VIEW)
    await agreed(plane, Act.STILL_TAKE)
    assert await offer(question(Act.RECORDED_VIEW)) == Offered(footage=asked.footage, is_once=True)
    assert await still(question(Act.STILL_TAKE)) == OfferedStill(is_given=True, is_once=True)

    for act in (Act.RECORDED_VIEW, Act.STILL_TAKE):
        await had(plane, act)
    assert await offer(question(Act.RECORDED_VIEW)) == Offered()
    assert await still(question(Act.STILL_TAKE)) == OfferedStill()


@pytest.mark.parametrize("act", [Act.RECORDED_VIEW, Act.STILL_TAKE])
async def test_a_no_and_silence_give_nothing(plane: Plane, act: Act):
    """They read alike to whoever asked."""
    asked = await ask(plane, act)
    await plane.sessions.asks.decline(DELEGATE, asked.id)
    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await had(plane, act)

    found = await plane.sessions.asks.of_incident(OPERATOR, INCIDENT, act)
    assert found[ORGANISATION].standing_for(OPERATOR, plane.clock.now()) is Standing.OVER
    assert plane.site.grants == []


async def test_a_no_ends_the_recording_that_the_yes_opened(plane: Plane):
    """As it ends a live view."""
    asked = await agreed(plane, Act.RECORDED_VIEW)
    session = await plane.accepted(wanted_at=AT)
    await plane.sessions.asks.decline(DELEGATE, asked.id)

    assert (await plane.read(session.id)).end_reason == "rules"


async def test_a_site_that_became_older_is_sent_no_grant(plane: Plane):
    """It would refuse what it cannot read; the operator reads a technical cause."""
    await agreed(plane, Act.RECORDED_VIEW)
    plane.site.vocabulary = ASKED_VOCABULARY - 1
    with pytest.raises(Exception, match=r"^The camera is offline\.$"):
        await plane.open(wanted_at=AT)

    assert plane.site.grants == []


async def test_over_http_it_is_asked_for_and_opened(plane: Plane):
    """As a page does it: the offer, the question, the owner's yes, the view."""
    wish = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT}
    at = {"at": to_rfc3339(AT)}
    transport = httpx.ASGITransport(app=live_app(plane, lambda: OPERATOR))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        offer = (await http.get("/api/v1/recorded-views", params=wish | at)).json()
        assert (offer["range_from"], offer["may_ask"]) == (None, True)
        said = await http.post("/api/v1/recorded-views/asks", json=wish | at)
        still = await http.post("/api/v1/stills/asks", json=wish)
        assert (said.status_code, still.status_code) == (201, 201)
        assert said.json()["range_to"] == AT.isoformat().replace("+00:00", "Z")
        assert still.json()["range_to"] is None
        await plane.sessions.asks.approve(DELEGATE, said.json()["ask_id"], TOUCH)
        offer = (await http.get("/api/v1/recorded-views", params=wish | at)).json()
        assert (offer["range_to"], offer["is_once"]) == (said.json()["range_to"], True)
        opened = await http.post("/api/v1/recorded-views", json=wish | at | {"dtls_fingerprint": BROWSER})
        assert opened.json()["range_from"] == said.json()["range_from"]
        bare = {**wish, "incident_id": ""}
        assert (await http.post("/api/v1/stills/asks", json=bare)).status_code == 400
