"""Asking to watch live, between law, links and passkeys: who may be asked, at which sites, and whose touch counts."""

import dataclasses
import json
from datetime import timedelta

import pytest

from gateway.app.asking import LinkedAskSites, SharingAskLaw, approved_question, listen
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, PreconditionError
from gateway.live import ANSWER_S, AskPlace, AskWish, ViewDeny
from gateway.sharing import Key, Question, Touches, wish_of
from partner_agent.wire import classes, frames, messages
from partner_agent.wire.approvals import Profile
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from partner_agent.wire.limits import (
    ASKED_RANGE_S,
    ASKED_VOCABULARY,
    RECORDED_APPROVED_S,
    VIEW_APPROVED_S,
    VIEW_VOCABULARY,
)
from partner_agent.wire.touches import base64url, challenge
from policies.clauses import Live, Preset, Recordings
from policies.request import Approval, Permit
from policies.vocabulary import Act, Remedy
from tests.sharing.test_owners import approving
from tests.sharing.test_sharing import connected
from tests.support.passkeys import ORIGIN, RP_ID, SoftPasskey
from tests.support.sharing import incident, operator, sharing_world, usual
from tests.support.site_bench import SiteBench

pytestmark = pytest.mark.anyio
DIGEST = "ab" * 32


class OneIncident:
    """`Incidents` with one of them."""

    def __init__(self, clock) -> None:
        self.it = incident(clock)

    async def incident(self, principal, incident_id):
        found = await self.find(incident_id)
        if found is None:
            raise NotFoundError("There is no such incident.")
        return found

    async def find(self, incident_id):
        return self.it if incident_id == self.it.id else None


@pytest.fixture
def w(sqlite_database, clock, ids):
    """Sharing on SQLite."""
    return sharing_world(sqlite_database, clock=clock, ids=ids)


@pytest.fixture
def incidents(clock) -> OneIncident:
    """A robbery near the shop."""
    return OneIncident(clock)


async def asking_shop(w):
    """A connected shop whose owner wants to be asked about live views."""
    owner, site, cameras, agent = await connected(w)
    clause = dataclasses.replace(usual(*cameras, preset=Preset.ASK_ME), live=Live.ASK)
    await w.answer(owner, site, clause)
    await w.deliver(agent)
    return owner, site, cameras, agent


def law(w, incidents) -> SharingAskLaw:
    """The adapter."""
    return SharingAskLaw(decisions=w.decisions, incidents=incidents, clock=w.clock)


def wish(camera, incidents, purpose: str = "violent_crime") -> AskWish:
    """To watch this camera for that incident."""
    return AskWish(camera_id=camera.id, purpose=purpose, incident_id=incidents.it.id)


# --- the law


@pytest.mark.parametrize("live", [Live.NEVER, Live.NEARBY])
async def test_an_owner_who_did_not_choose_asking_is_not_asked(w, incidents, live: Live):
    """Never is never; what an incident nearby opens is not asked for when the incident is too far."""
    owner, site, cameras, agent = await connected(w)
    clause = dataclasses.replace(usual(*cameras), live=live)
    await w.answer(owner, site, clause)
    await w.deliver(agent)
    if live is Live.NEARBY:
        incidents.it = dataclasses.replace(
            incidents.it, stops=tuple(dataclasses.replace(stop, lat=stop.lat + 1) for stop in incidents.it.stops)
        )
    denied = await law(w, incidents).decide(operator(), wish(cameras[0], incidents))

    assert isinstance(denied, ViewDeny)
    assert denied.remedy is not Remedy.ASK


async def test_what_can_be_watched_is_not_asked_for(w, incidents):
    """Nobody is disturbed for what they allowed already."""
    owner, site, cameras, agent = await connected(w)
    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))
    await w.deliver(agent)

    with pytest.raises(ConflictError):
        await law(w, incidents).decide(operator(), wish(cameras[0], incidents))


async def test_no_purpose_and_no_incident_but_real_ones(w, incidents):
    """A word that is none, an incident that is not there, one that is no ground for the purpose."""
    _, _, cameras, _ = await asking_shop(w)
    with pytest.raises(InvalidError):
        await law(w, incidents).decide(operator(), wish(cameras[0], incidents, "curiosity"))
    missing = AskWish(camera_id=cameras[0].id, purpose="violent_crime", incident_id="inc_" + "9" * 26)
    with pytest.raises(NotFoundError):
        await law(w, incidents).decide(operator(), missing)
    denied = await law(w, incidents).decide(operator(), wish(cameras[0], incidents, "public_event"))

    assert isinstance(denied, ViewDeny)


async def test_a_closed_incident_is_no_reason_to_ask(w, incidents, clock):
    """After its grace time, or when it never was one, what waits for it lapses."""
    assert await law(w, incidents).is_active(incidents.it.id)
    incidents.it = dataclasses.replace(incidents.it, closed_at=clock.now())
    clock.advance(3600)

    assert not await law(w, incidents).is_active(incidents.it.id)
    assert not await law(w, incidents).is_active("inc_" + "9" * 26)


async def test_where_only_the_yes_is_missing_the_owner_may_be_asked(w, incidents):
    """The place is named as the site's own document names it; the yes is to a short view."""
    owner, site, cameras, agent = await asking_shop(w)
    place = await law(w, incidents).decide(operator(), wish(cameras[0], incidents))

    assert isinstance(place, AskPlace)
    assert (place.agent_id, place.site_id, place.organisation_id) == (agent, site.id, owner.organisation_id)
    assert place.local_camera == "local-0"
    question = Question(
        principal=operator(), camera_id=cameras[0].id, act=Act.LIVE_VIEW, purpose="violent_crime", incident=incidents.it
    )
    until = w.clock.now() + timedelta(seconds=100)
    decided = await w.decisions.decide_for(approved_question(question, until=until))
    assert isinstance(decided.decision, Permit)
    assert decided.decision.caps.seconds == VIEW_APPROVED_S
    assert decided.decision.horizon == until


# --- touches


async def test_whose_touch_counts_and_for_what(w):
    """Of a passkey the site names, for this very request, on this very page, verified; else it is told at once."""
    passkey, stranger = SoftPasskey("a"), SoftPasskey("b")
    key = Key(passkey.owner.credential, passkey.owner.public_key)
    _, site, _, _ = await approving(w, key)
    touches = Touches(rows=w.rows, book=w.book, profile=Profile(rp_id=RP_ID, origin=ORIGIN))
    wrong = [
        stranger.approve(VIEW_LABEL, DIGEST),
        passkey.approve(CLIP_LABEL, DIGEST),
        passkey.approve(VIEW_LABEL, "cd" * 32),
        passkey.sign(bytes.fromhex(DIGEST)),
        passkey.approve(VIEW_LABEL, DIGEST, origin="https://evil.example"),
        passkey.approve(VIEW_LABEL, DIGEST, flags=1),
    ]
    for assertion in wrong:
        with pytest.raises(PreconditionError, match="would not take this passkey"):
            await touches.check(site.id, label=VIEW_LABEL, sha256=DIGEST, assertion=assertion)

    await touches.check(site.id, label=VIEW_LABEL, sha256=DIGEST, assertion=passkey.approve(VIEW_LABEL, DIGEST))
    offer = await touches.offer(site.id, label=VIEW_LABEL, sha256=DIGEST)
    assert offer.credentials == (key.credential,)
    assert offer.challenge == base64url(challenge(VIEW_LABEL, bytes.fromhex(DIGEST)))


async def test_a_suspended_passkey_is_offered_and_taken_nowhere(w):
    """The site would refuse it; so do we."""
    passkey = SoftPasskey("a")
    key = Key(passkey.owner.credential, passkey.owner.public_key)
    owner, site, _, agent = await approving(w, key)
    await w.owners.suspend(owner, key.credential)
    await w.deliver(agent)
    touches = Touches(rows=w.rows, book=w.book, profile=Profile(rp_id=RP_ID, origin=ORIGIN))

    assert (await touches.offer(site.id, label=VIEW_LABEL, sha256=DIGEST)).credentials == ()
    assertion = passkey.approve(VIEW_LABEL, DIGEST)
    with pytest.raises(PreconditionError):
        await touches.check(site.id, label=VIEW_LABEL, sha256=DIGEST, assertion=assertion)


# --- the links


class FakeAsks:
    """Remembers what sites answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, bool]] = []

    async def site_answered(self, agent_id, document_sha256, *, is_yes, token):
        self.answers.append((agent_id, document_sha256, is_yes))


async def test_an_agent_that_does_not_know_the_question_is_not_asked(sqlite_database, tmp_path):
    """It would not answer, and be no wiser; its owner may still answer in the portal."""
    bench = SiteBench(sqlite_database, tmp_path)
    agent, linked = await bench.paired(), LinkedAskSites(bench.sites)
    assert linked.link_of(agent.id) == ""
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await bench.until(lambda: bench.sites.hub.online(agent.id).vocabulary == 1)
        assert linked.link_of(agent.id) == ""
        assert linked.take_back(agent.id, DIGEST) is False
        state = json.loads(agent.state()) | {"vocabulary": VIEW_VOCABULARY}
        pipe.say(json.dumps(state, separators=(",", ":"), sort_keys=True).encode())
        await bench.until(lambda: linked.link_of(agent.id) != "")
        assert linked.take_back(agent.id, DIGEST) is True
        assert [linked.knows(agent.id, act) for act in (Act.LIVE_VIEW, Act.RECORDED_VIEW)] == [True, False]
        pipe.say(json.dumps(state | {"vocabulary": ASKED_VOCABULARY}, separators=(",", ":"), sort_keys=True).encode())
        await bench.until(lambda: linked.knows(agent.id, Act.STILL_TAKE))
        while not isinstance(heard := await pipe.hear(), messages.ViewNo):
            pass
    assert heard.request_sha256 == DIGEST


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        (classes.SITE_APPROVAL, {"label": CLIP_LABEL, "digest": DIGEST, "answer": "yes"}),
        (classes.CAPTURE, {"session": "s", "jti": "j", "request_sha256": DIGEST, "capture": {}}),
    ],
    ids=["a recording's", "another class"],
)
async def test_an_answer_to_something_else_is_none(sqlite_database, tmp_path, kind, claims):
    """A yes to a recording opens no view, and nothing unsigned or of another class is an answer."""
    bench, asks = SiteBench(sqlite_database, tmp_path), FakeAsks()
    agent = await bench.paired()
    listen(bench.sites, asks, gateway="https://gw.example")
    async with bench.connected(agent) as pipe:
        pipe.say(frames.encode(messages.ViewAnswer(id="msg_v", token=agent.says(kind, **claims))))
        while not isinstance(heard := await pipe.hear(), messages.Problem):
            pass

    assert heard.re == "msg_v"
    assert asks.answers == []


async def test_the_sites_signed_answer_is_taken_and_noted(sqlite_database, tmp_path):
    """Yes and no; noted, so that the site stops repeating it."""
    bench, asks = SiteBench(sqlite_database, tmp_path), FakeAsks()
    agent = await bench.paired()
    listen(bench.sites, asks, gateway="https://gw.example")
    async with bench.connected(agent) as pipe:
        for answer in ("yes", "no"):
            token = agent.says(classes.SITE_APPROVAL, label=VIEW_LABEL, digest=DIGEST, answer=answer)
            pipe.say(frames.encode(messages.ViewAnswer(id=f"msg_{answer}", token=token)))
            while not isinstance(heard := await pipe.hear(), messages.Noted):
                pass
            assert heard.re == f"msg_{answer}"

    assert asks.answers == [(agent.id, DIGEST, True), (agent.id, DIGEST, False)]


# --- recordings and stills


async def recorded_shop(w):
    """A connected shop whose owner wants to be asked, with recordings of a day."""
    owner, site, cameras, agent = await connected(w)
    clause = dataclasses.replace(usual(*cameras, preset=Preset.ASK_ME), live=Live.ASK, look_back_s=86_400)
    await w.answer(owner, site, clause)
    await w.deliver(agent)
    return owner, site, cameras, agent


async def test_an_owner_is_asked_for_minutes_of_a_recording_around_the_moment(w, incidents):
    """Short, of the past, not from before the call's five minutes; the person is named as a grant will name them."""
    _, _, cameras, _ = await recorded_shop(w)
    now = w.clock.now()
    incidents.it = dataclasses.replace(incidents.it, opened_at=now - timedelta(minutes=3))
    asked = dataclasses.replace(wish(cameras[0], incidents), act=Act.RECORDED_VIEW, wanted_at=now)
    place = await law(w, incidents).decide(operator(), asked)

    assert isinstance(place, AskPlace)
    assert place.footage is not None
    assert (place.who, place.footage.end) == (operator().person_id, now)
    assert place.footage.start == now - timedelta(minutes=8)
    late = dataclasses.replace(
        asked, wanted_at=now - timedelta(hours=2)
    )  # of long before: the nearest that may be shown
    other = await law(w, incidents).decide(operator(), late)
    assert isinstance(other, AskPlace)
    assert other.footage is not None
    assert other.footage.start == place.footage.start
    assert other.footage.seconds <= ASKED_RANGE_S


async def test_what_was_asked_for_can_still_be_shown_when_the_owner_took_their_time(w, incidents, clock):
    """The yes comes at the last moment, and the look goes on to its end: the law still says yes to that range."""
    _, _, cameras, _ = await recorded_shop(w)
    now = w.clock.now()
    asked = dataclasses.replace(wish(cameras[0], incidents), act=Act.RECORDED_VIEW, wanted_at=now)
    place = await law(w, incidents).decide(operator(), asked)
    assert isinstance(place, AskPlace)
    clock.advance(ANSWER_S + VIEW_APPROVED_S + RECORDED_APPROVED_S - 1)
    question = Question(
        principal=operator(),
        camera_id=cameras[0].id,
        act=Act.RECORDED_VIEW,
        purpose="violent_crime",
        incident=incidents.it,
        span=place.footage,
        wish=wish_of(place.footage),
    )
    without = await w.decisions.decide_for(question)
    other = await w.decisions.decide_for(
        dataclasses.replace(question, approval=Approval(Act.LIVE_VIEW, w.clock.now() + timedelta(seconds=9)))
    )
    with_it = await w.decisions.decide_for(approved_question(question, until=w.clock.now() + timedelta(seconds=9)))

    assert not isinstance(without.decision, Permit)
    assert not isinstance(other.decision, Permit)  # a yes to a live view is none
    assert isinstance(with_it.decision, Permit)


async def test_a_recording_nobody_may_show_is_not_asked_for(w, incidents):
    """Live is asked for, recordings are never given; and a recording of no moment is no question."""
    owner, site, cameras, agent = await connected(w)
    clause = dataclasses.replace(usual(*cameras, preset=Preset.ASK_ME), live=Live.ASK, recordings=Recordings.NEVER)
    await w.answer(owner, site, clause)
    await w.deliver(agent)
    asked = dataclasses.replace(wish(cameras[0], incidents), act=Act.RECORDED_VIEW, wanted_at=w.clock.now())

    assert isinstance(await law(w, incidents).decide(operator(), asked), ViewDeny)
    with pytest.raises(InvalidError):
        await law(w, incidents).decide(operator(), dataclasses.replace(asked, wanted_at=None))
    with pytest.raises(InvalidError):
        await law(w, incidents).decide(operator(), dataclasses.replace(asked, act=Act.CLIP_FETCH))


async def test_a_still_is_asked_for_where_live_views_are(w, incidents):
    """The same rule gives both, each by a yes of its own; one second of the day."""
    _, _, cameras, _ = await asking_shop(w)
    asked = dataclasses.replace(wish(cameras[0], incidents), act=Act.STILL_TAKE)
    place = await law(w, incidents).decide(operator(), asked)

    assert isinstance(place, AskPlace)
    assert (place.footage, place.who) == (None, operator().person_id)
