"""Views of a site's recording at the centre: who gets none, what is granted, how they are steered and accounted for."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.live import ViewQuestion
from gateway.live.footage import footage_of, seconds_of
from gateway.live.showing import Offered, Order
from partner_agent.wire import classes
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.limits import RECORDED_VIEW_S, RECORDED_VOCABULARY, THUMBNAILS
from partner_agent.wire.messages import Message, Problem, Stopped
from partner_agent.wire.playback_messages import Coverage, CoverageAsk, Playback, Playing, Thumbnails, ThumbnailsAsk
from policies.vocabulary import Remedy
from tests.fakes.clock import START
from tests.support.live import (
    BROWSER,
    CAMERA,
    INCIDENT,
    OPERATOR,
    ORGANISATION,
    OTHER,
    SITE,
    Plane,
)
from tests.support.live_http import live_app

pytestmark = pytest.mark.anyio
AT = START - timedelta(seconds=30)


def says(message: Message) -> Message:
    """What a site answers to an order."""
    match message:
        case Playback():
            return Playing(
                id="a",
                re=message.id,
                session=message.session,
                position=message.position or to_rfc3339(AT),
                speed_percent=message.speed_percent or 100,
                is_paused=bool(message.is_paused),
                is_over=False,
                ticks=900,
                anchored_at=to_rfc3339(AT),
            )
        case CoverageAsk():
            spans, gaps = [[to_rfc3339(AT), to_rfc3339(START)]], [[to_rfc3339(AT), to_rfc3339(AT), "paused"]]
            return Coverage(id="a", re=message.id, session=message.session, spans=spans, gaps=gaps)
        case ThumbnailsAsk():
            return Thumbnails(id="a", re=message.id, session=message.session, pictures=[[message.at[0], "anBn"]])
    raise AssertionError(message)


async def shown(plane: Plane) -> Any:
    """A view of the recording that the site has accepted."""
    plane.site.says = says
    return await plane.accepted(wanted_at=AT)


# --- refused


async def test_a_denied_view_of_a_recording_is_a_leaf_of_its_own_act(plane: Plane):
    """Nobody is asked; the owner sees that somebody wanted to look at a recording."""
    plane.decider.deny()

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await plane.open(wanted_at=AT)

    (leaf,) = await plane.log(ORGANISATION)
    assert (leaf.kind, leaf.said("act")) == ("view.denied", "recorded.view")
    assert plane.site.grants == []


async def test_an_agent_without_the_words_is_not_asked(plane: Plane):
    """It would refuse a grant it cannot read; the operator reads a technical cause, the log holds both."""
    plane.site.vocabulary = RECORDED_VOCABULARY - 1

    with pytest.raises(UnavailableError):
        await plane.open(wanted_at=AT)

    assert plane.site.grants == []
    assert await plane.kinds(CAMERA) == ["view.requested", "view.failed"]
    await plane.accepted()  # live it is asked as before


async def test_taken_back_it_ends_at_once(plane: Plane):
    """Decided again with the same range; a no ends it and the site is told."""
    session = await shown(plane)
    plane.decider.deny()

    assert await plane.sessions.live.rules_changed() == 1

    ended = await plane.read(session.id)
    assert ended.end_reason.value == "rules"
    assert plane.decider.asked[-1].footage is not None
    assert plane.decider.asked[-1].footage.start == session.range_from
    assert [end.session for end in plane.site.ends] == [session.id]


# --- granted


async def test_the_grant_names_act_and_range(plane: Plane):
    """The site decides with exactly what the centre decided on, and begins at the wanted moment."""
    session = await shown(plane)

    (read,) = plane.site.grants
    grant = read.grant
    assert (grant.act, grant.clip) == ("recorded.view", None)
    assert grant.recorded is not None
    assert (grant.recorded.first, grant.recorded.begin, grant.recorded.last) == (
        AT - timedelta(seconds=60), AT, START
    )  # fmt: skip
    assert (session.act, session.range_from, session.range_to) == ("recorded.view", AT - timedelta(seconds=60), START)
    assert session.max_seconds == RECORDED_VIEW_S


async def test_its_leaves_name_act_and_range(plane: Plane):
    """From the question to the end the owner reads that it was the recording, and which part may have been seen."""
    session = await shown(plane)
    await plane.sessions.live.leave(OPERATOR, session.id)

    leaves = await plane.log(session.id)
    assert {leaf.said("act") for leaf in leaves} == {"recorded.view"}
    said = [(leaf.said("recorded_from"), leaf.said("recorded_to")) for leaf in leaves if leaf.kind != "grant.issued"]
    assert set(said) == {(to_rfc3339(AT - timedelta(seconds=60)), to_rfc3339(START))}


async def test_it_rides_on_no_other_picture(plane: Plane):
    """Neither with a live view of the camera, before or after, nor with another view of the recording."""
    live = await plane.accepted()
    first, second = await shown(plane), await shown(plane)
    also_live = await plane.accepted()

    assert len({live.publication, first.publication, second.publication}) == 3
    assert also_live.publication == live.publication


# --- accounted


def stopped(plane: Plane, session: Any, footage: object, *, seconds: int = 20) -> Stopped:
    """The site's account of a view of a recording."""
    claims = {
        "jti": session.grant_id, "session": session.id, "reason": "asked", "seconds": seconds, "bytes": 100,
        "footage": footage,
    }  # fmt: skip
    return Stopped(id="s", token=plane.site.say(classes.STOPPED, claims))


async def test_the_account_says_which_moments_were_shown(plane: Plane):
    """In the log, for the owner to read; and the day's total counts that much."""
    session = await shown(plane)
    footage = [[to_rfc3339(AT), to_rfc3339(AT + timedelta(seconds=12))]]

    await plane.sessions.accounts.stopped(plane.site.agent_id, stopped(plane, session, footage))

    (leaf,) = [leaf for leaf in await plane.log(session.id) if leaf.kind == "recording.shown"]
    assert leaf.said("footage") == footage
    assert (await plane.read(session.id)).footage_s == 12


async def test_a_site_s_day_counts_the_range_and_then_what_was_shown(plane: Plane):
    """While it runs 90 seconds of recording and a view; afterwards what the site says was shown, and no live second."""
    session = await shown(plane)
    plane.clock.advance(5)

    usage = (await plane.sessions.live.usage({SITE}))[SITE]
    assert (usage.live_s, usage.clip_s, usage.views_now) == (0, 90, 1)

    footage = [[to_rfc3339(AT), to_rfc3339(AT + timedelta(seconds=12))]]
    await plane.sessions.accounts.stopped(plane.site.agent_id, stopped(plane, session, footage))
    usage = (await plane.sessions.live.usage({SITE}))[SITE]
    assert (usage.live_s, usage.clip_s, usage.views_now) == (0, 12, 0)


@pytest.mark.parametrize(
    "said", [None, "all", [["now", "then"]], [[to_rfc3339(START), to_rfc3339(AT)]], [[to_rfc3339(AT)]], [5]]
)
async def test_an_account_that_cannot_be_read_counts_as_everything(plane: Plane, said: object):
    """What a site does not say, or not in our words, was shown."""
    session = await shown(plane)

    footage = footage_of(session, said)

    assert footage == [[to_rfc3339(AT - timedelta(seconds=60)), to_rfc3339(START)]]
    assert seconds_of(session, footage) == 90


async def test_no_account_counts_more_than_was_granted(plane: Plane):
    """A site that says it showed a year spends what it was granted; a live view spends no recording."""
    session, live = await shown(plane), await plane.accepted()
    year = [[to_rfc3339(AT - timedelta(days=365)), to_rfc3339(AT)]]

    assert seconds_of(session, footage_of(session, year)) == 90
    assert footage_of(live, year) == []
    assert seconds_of(live, []) is None


# --- steered


@pytest.mark.parametrize("kind", ["unknown", "another's", "live", "over"])
async def test_what_is_not_one_s_own_running_view_cannot_be_steered(plane: Plane, kind: str):
    """No such view, whatever the reason; the site hears nothing."""
    session = await (plane.accepted() if kind == "live" else shown(plane))
    name = "ses_0" if kind == "unknown" else session.id
    if kind == "over":
        await plane.sessions.live.leave(OPERATOR, session.id)
    who, showings = (OTHER if kind == "another's" else OPERATOR), plane.sessions.showings

    with pytest.raises(NotFoundError):
        await showings.steer(who, name, Order())
    with pytest.raises(NotFoundError):
        await showings.coverage(who, name)
    with pytest.raises(NotFoundError):
        await showings.thumbnails(who, name, [AT])
    assert plane.site.orders == []


@pytest.mark.parametrize("order", [Order(speed_percent=300), Order(step=2)])
async def test_a_speed_or_step_that_there_is_not_is_refused(plane: Plane, order: Order):
    """Before the site is asked."""
    session = await shown(plane)

    with pytest.raises(InvalidError):
        await plane.sessions.showings.steer(OPERATOR, session.id, order)
    for moments in ([], [AT] * (THUMBNAILS + 1)):
        with pytest.raises(InvalidError):
            await plane.sessions.showings.thumbnails(OPERATOR, session.id, moments)
    assert plane.site.orders == []


async def test_a_moment_outside_the_range_is_its_edge(plane: Plane):
    """However far outside, in whatever zone: the site is asked for nothing that it would have to search for."""
    session = await shown(plane)
    far = [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), datetime(9999, 12, 31, tzinfo=UTC)]

    await plane.sessions.showings.thumbnails(OPERATOR, session.id, far)
    await plane.sessions.showings.steer(OPERATOR, session.id, Order(position=far[0]))

    edges = [to_rfc3339(session.range_from), to_rfc3339(session.range_to)]
    assert [getattr(order, "at", None) or order.position for order in plane.site.orders] == [edges, edges[0]]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("unknown_session", ConflictError),
        ("malformed", InvalidError),
        ("limit", LimitedError),
        ("camera_unreachable", UnavailableError),
    ],
)
async def test_what_the_site_cannot_do_is_said_in_our_words(plane: Plane, code: str, error: type[Exception]):
    """No code of the site reaches a page."""
    session = await shown(plane)
    plane.site.says = lambda message: Problem(id="a", re=message.id, code=code)

    with pytest.raises(error) as raised:
        await plane.sessions.showings.steer(OPERATOR, session.id, Order())

    assert code not in str(raised.value)


async def test_an_order_that_was_overtaken_by_the_end_is_not_answered(plane: Plane):
    """Where it was playing is no news of a view that is over."""
    session = await shown(plane)

    def ends_meanwhile(message: Message) -> Message:
        plane.sessions.showings._board.take(session.id)
        return says(message)

    plane.site.says = ends_meanwhile

    with pytest.raises(NotFoundError):
        await plane.sessions.showings.steer(OPERATOR, session.id, Order())


async def test_an_offer_opens_nothing_and_is_no_entry(plane: Plane):
    """A page learns whether to show a button, and of which range; where a view would be refused, nothing."""
    question = ViewQuestion(principal=OPERATOR, camera_id=CAMERA, purpose="violent_crime", wanted_at=AT)
    offer = plane.sessions.showings.offer

    span = (await offer(question)).footage
    assert span is not None
    assert (span.start, span.end) == (AT - timedelta(seconds=60), START)

    plane.site.vocabulary = RECORDED_VOCABULARY - 1
    assert await offer(question) == Offered()
    plane.site.vocabulary, plane.site.problem = RECORDED_VOCABULARY, "paused"
    assert await offer(question) == Offered()
    plane.site.problem = ""
    plane.decider.is_known = False
    assert await offer(question) == Offered()
    plane.decider.is_known = True
    plane.decider.deny(Remedy.ASK)
    assert await offer(question) == Offered(remedies=(Remedy.ASK,))
    assert await plane.kinds() == []


async def test_over_http_it_is_opened_steered_and_shown(plane: Plane):
    """As a page does it: the offer, the view, an order, what is recorded, small pictures."""
    plane.site.says = says
    app = live_app(plane, lambda: OPERATOR)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        wish = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT}
        offer = await http.get("/api/v1/recorded-views", params={**wish, "at": to_rfc3339(AT)})
        assert datetime.fromisoformat(offer.json()["range_from"]) == AT - timedelta(seconds=60)
        for no_time in ("noon", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59Z"):
            assert (await http.get("/api/v1/recorded-views", params={**wish, "at": no_time})).status_code == 400

        body = {**wish, "dtls_fingerprint": BROWSER, "at": to_rfc3339(AT)}
        for no_time in (5, "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59Z"):
            assert (await http.post("/api/v1/recorded-views", json=body | {"at": no_time})).status_code == 400
        opened = await http.post("/api/v1/recorded-views", json=body)
        assert opened.status_code == 201, opened.text
        session = opened.json()["session_id"]
        await plane.in_state(session, "accepted")

        place = f"/api/v1/live-sessions/{session}"
        assert (await http.post(f"{place}/playback", json={"step": 5})).status_code == 400
        playing = await http.post(f"{place}/playback", json={"speed_percent": 200, "is_paused": True})
        assert (playing.json()["speed_percent"], playing.json()["is_paused"]) == (200, True)
        assert (await http.get(f"{place}/coverage")).json()["gaps"][0][2] == "paused"
        small = await http.get(f"{place}/thumbnails", params={"at": to_rfc3339(AT)})
        assert small.json() == {"pictures": [[to_rfc3339(AT), "anBn"]]}
        assert (await http.get(place)).json()["act"] == "recorded.view"
