"""An owner is asked to let somebody watch: once for an incident, by a deadline; a yes opens one view of who asked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from gateway.audit import Query
from gateway.kernel.database import Database
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    LimitedError,
    NotFoundError,
    PreconditionError,
)
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import AskState, AskWish, EndReason, Standing, ViewAsk, ViewDeny, Words, topic_of_asker, words_of
from gateway.live.asking.model import ANSWER_S
from gateway.live.asking.service import MOST_WAITING
from gateway.live.asking.store import SqlViewAsks
from partner_agent.wire import views
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.limits import VIEW_APPROVED_S
from partner_agent.wire.touches import Assertion
from policies.vocabulary import Remedy
from tests.support.live import (
    AGENT,
    CAMERA,
    INCIDENT,
    LOCAL,
    OPERATOR,
    ORGANISATION,
    OTHER,
    SITE,
    Plane,
    live_plane,
    made_up,
)

pytestmark = pytest.mark.anyio
TOUCH = Assertion(credential="YQ", client_data="YQ", authenticator_data="YQ", signature="YQ")
OWNER = Principal(
    kind=PrincipalKind.PARTNER,
    person_id=made_up("per", 20),
    organisation_id=ORGANISATION,
    roles=frozenset({Role.OWNER}),
)
DELEGATE = replace(OWNER, person_id=made_up("per", 21), roles=frozenset({Role.ANSWERS}))
STRANGER = replace(OWNER, person_id=made_up("per", 22), organisation_id=made_up("org", 22))


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Live views on both databases, of a camera whose owner wants to be asked."""
    async with live_plane(database, tmp_path) as running:
        running.decider.needs_yes = True
        yield running


async def ask(plane: Plane, principal: Principal = OPERATOR, **changes: str) -> ViewAsk:
    """Ask about the camera."""
    wish = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT} | changes
    return await plane.sessions.asks.ask(principal, AskWish(**wish))


async def read(plane: Plane, asked: ViewAsk) -> ViewAsk:
    """The request as it is now."""
    found = await plane.sessions.asks.of_incident(OPERATOR, asked.incident_id)
    return found[asked.organisation_id]


async def standing(plane: Plane, asked: ViewAsk, principal: Principal = OPERATOR) -> Standing:
    """What the caller reads of it now."""
    return (await read(plane, asked)).standing_for(principal, plane.clock.now())


# --- who is not asked


@pytest.mark.parametrize("remedy", [Remedy.NONE, Remedy.TWO_PERSONS, Remedy.LINK_INCIDENT])
async def test_an_owner_who_does_not_offer_it_is_not_asked(plane: Plane, remedy: Remedy):
    """Nobody is told, the attempt is a leaf, and the operator reads the one sentence there is."""
    plane.ask_law.answer = ViewDeny(
        reason="not_shared",
        layer="sharing",
        remedies=tuple({remedy} - {Remedy.NONE}),
        site_id=SITE,
        organisation_id=ORGANISATION,
    )
    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await ask(plane)

    await plane.sessions.asks.tick()
    assert plane.ask_sites.asked == []
    assert await plane.kinds(ORGANISATION) == ["view.denied"]


async def test_a_camera_nobody_may_know_of_is_not_found(plane: Plane):
    """No leaf would tell it apart from one that is not there."""
    plane.ask_law.is_known = False
    with pytest.raises(NotFoundError):
        await ask(plane)

    assert await plane.kinds() == []


async def test_one_incident_asks_one_owner_once(plane: Plane):
    """Not again for another camera, reason or by another person; and not after a no, silence or a yes."""
    first = await ask(plane)
    for changes in ({"camera_id": made_up("cam", 30)}, {"camera_id": made_up("cam", 31), "purpose": "life_safety"}):
        with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
            await ask(plane, OTHER, **changes)
    await plane.sessions.asks.decline(OWNER, first.id)
    with pytest.raises(DeniedError):
        await ask(plane)

    kinds = await plane.kinds(ORGANISATION)
    assert kinds == ["view.asked", "view.denied", "view.denied", "view.declined", "view.denied"]


async def test_two_who_ask_at_once_are_one_request(plane: Plane):
    """The schema holds it too: of two hands in one moment one is refused, and one leaf is written."""
    outcomes: list[object] = []

    async def one(principal: Principal, camera: str) -> None:
        try:
            outcomes.append(await ask(plane, principal, camera_id=camera))
        except DeniedError as error:
            outcomes.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(one, OPERATOR, CAMERA)
        group.start_soon(one, OTHER, made_up("cam", 30))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DeniedError", "ViewAsk"]
    assert (await plane.kinds(ORGANISATION)).count("view.asked") == 1


async def test_asking_again_for_the_same_camera_is_the_same_request(plane: Plane):
    """A second press, or a colleague's, changes nothing and writes nothing."""
    first = await ask(plane)

    assert (await ask(plane)).id == first.id
    assert (await ask(plane, OTHER)).id == first.id
    assert await plane.kinds(ORGANISATION) == ["view.asked"]


async def test_one_person_does_not_ask_the_whole_city(plane: Plane):
    """Eight may wait; then somebody has to answer first."""
    for number in range(MOST_WAITING + 1):
        camera = made_up("cam", 40 + number)
        plane.ask_law.organisations[camera] = made_up("org", 40 + number)
    for number in range(MOST_WAITING):
        await ask(plane, camera_id=made_up("cam", 40 + number))

    with pytest.raises(LimitedError):
        await ask(plane, camera_id=made_up("cam", 40 + MOST_WAITING))


# --- how it is put before the owner


async def test_the_request_is_the_closed_document_that_the_site_will_check(plane: Plane):
    """Named as the site names things, short-lived, and over with its incident."""
    plane.ask_law.active_until = plane.clock.now() + timedelta(minutes=2)
    asked = await ask(plane)
    document = views.parse(dict(asked.document))

    assert (document.camera, document.site, document.partner) == (LOCAL, SITE, ORGANISATION)
    assert (document.incident, document.purpose, document.request_id) == (INCIDENT, "violent_crime", asked.id)
    assert document.sha256 == asked.document_sha256
    assert asked.expires_at == plane.clock.now() + timedelta(minutes=2)


async def test_the_site_is_asked_as_soon_as_it_is_there(plane: Plane):
    """Offline while asked: on its next link, once on each; a lost answer is no reason to lose the request."""
    plane.ask_sites.link = ""
    asked = await ask(plane)
    await plane.sessions.asks.tick()
    assert plane.ask_sites.asked == []
    plane.ask_sites.link, plane.ask_sites.is_slow = "lnk_2", True
    await plane.sessions.asks.tick()
    await plane.sessions.asks.tick()
    assert [document["request_id"] for document in plane.ask_sites.asked] == [asked.id]
    plane.ask_sites.link = "lnk_3"
    await plane.sessions.asks.tick()

    assert len(plane.ask_sites.asked) == 2
    assert await standing(plane, asked) is Standing.ASKED


async def test_the_owner_sees_that_somebody_asks_and_not_who(plane: Plane):
    """Agency and reason; the person is for compliance."""
    await ask(plane)
    seen = await plane.audit.find(Query(streams=frozenset({ORGANISATION})))

    assert "person" not in seen.entries[0].openings
    assert seen.entries[0].said("camera") == CAMERA


# --- who does not answer


async def test_another_organisation_does_not_answer(plane: Plane):
    """Nor does the agency itself."""
    asked = await ask(plane)
    for principal in (STRANGER, OPERATOR, replace(OPERATOR, organisation_id=ORGANISATION)):
        with pytest.raises(NotFoundError):
            await plane.sessions.asks.approve(principal, asked.id, TOUCH)
        with pytest.raises(NotFoundError):
            await plane.sessions.asks.decline(principal, asked.id)

    assert plane.touches.seen == []
    assert await plane.sessions.asks.list_for(STRANGER) == []


async def test_a_touch_the_site_would_not_take_is_no_yes(plane: Plane):
    """It is checked over exactly this request, as a view; the request waits on."""
    asked = await ask(plane)
    plane.touches.is_taken = False
    with pytest.raises(PreconditionError):
        await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)

    assert plane.touches.seen == [(VIEW_LABEL, asked.document_sha256)]
    assert await standing(plane, asked) is Standing.ASKED


async def test_the_answer_of_another_site_is_none(plane: Plane):
    """Only the agent that holds the camera speaks for its owner."""
    asked = await ask(plane)
    await plane.sessions.asks.site_answered(made_up("agt", 9), asked.document_sha256, is_yes=True, token="t")
    await plane.sessions.asks.site_answered(AGENT, "ab" * 32, is_yes=True, token="t")

    assert await standing(plane, asked) is Standing.ASKED


async def test_an_answer_after_the_deadline_is_none(plane: Plane):
    """By touch, on site or with no: it lapsed, and says so once."""
    asked = await ask(plane)
    plane.clock.advance(ANSWER_S)
    for late in (
        plane.sessions.asks.approve(OWNER, asked.id, TOUCH),
        plane.sessions.asks.decline(OWNER, asked.id),
    ):
        with pytest.raises(ConflictError):
            await late
    await plane.sessions.asks.site_answered(AGENT, asked.document_sha256, is_yes=True, token="t")
    await plane.sessions.asks.tick()
    await plane.sessions.asks.tick()

    assert (await read(plane, asked)).state is AskState.LAPSED
    assert await plane.kinds(ORGANISATION) == ["view.asked", "view.lapsed"]
    with pytest.raises(DeniedError):
        await plane.open()


# --- no, and silence


async def test_a_no_and_silence_read_the_same(plane: Plane):
    """To whoever asked, and to everybody else."""
    camera = made_up("cam", 50)
    plane.ask_law.organisations[camera] = made_up("org", 50)
    declined, silent = await ask(plane), await ask(plane, camera_id=camera)
    await plane.sessions.asks.decline(DELEGATE, declined.id)
    plane.clock.advance(ANSWER_S)
    await plane.sessions.asks.tick()

    for camera_id in (CAMERA, camera):
        with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
            await plane.open(camera_id=camera_id)
    for asked in (declined, silent):
        assert [await standing(plane, asked, who) for who in (OPERATOR, OTHER)] == [Standing.OVER] * 2


async def test_an_incident_that_closes_takes_its_requests_along(plane: Plane):
    """Asked or granted, nothing is left to answer or to open; the site hears it."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    plane.ask_law.is_open = False
    await plane.sessions.asks.tick()

    assert (await read(plane, asked)).state is AskState.LAPSED
    assert plane.ask_sites.taken_back == [asked.document_sha256]
    with pytest.raises(DeniedError):
        await plane.open()


async def test_two_owners_who_answer_differently_end_with_no(plane: Plane):
    """The first answer counts in the portal, and a no takes back a yes; a yes never a no."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    with pytest.raises(ConflictError):
        await plane.sessions.asks.approve(DELEGATE, asked.id, TOUCH)
    await plane.sessions.asks.decline(DELEGATE, asked.id)
    with pytest.raises(ConflictError):
        await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    await plane.sessions.asks.site_answered(AGENT, asked.document_sha256, is_yes=True, token="t")

    assert (await read(plane, asked)).state is AskState.DECLINED
    with pytest.raises(DeniedError):
        await plane.open()


async def test_after_a_no_the_sentence_names_what_else_the_owner_offers(plane: Plane):
    """The owner offered two people too: that stays; where they offered nothing else, it reads like every refusal."""
    plane.decider.deny(Remedy.ASK)
    assert plane.decider.answer is not None
    both = replace(plane.decider.answer, remedies=(Remedy.ASK, Remedy.TWO_PERSONS))
    asked = await ask(plane)
    await plane.sessions.asks.decline(OWNER, asked.id)

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await plane.open()
    plane.decider.answer = both
    with pytest.raises(DeniedError, match="second person"):
        await plane.open()


async def test_the_site_hears_of_a_no_when_it_is_back(plane: Plane):
    """So that nobody answers there what was answered here."""
    asked = await ask(plane)
    plane.ask_sites.link = ""
    await plane.sessions.asks.decline(OWNER, asked.id)
    await plane.sessions.asks.tick()
    assert plane.ask_sites.taken_back == []
    plane.ask_sites.link = "lnk_2"
    await plane.sessions.asks.tick()
    await plane.sessions.asks.tick()

    assert plane.ask_sites.taken_back == [asked.document_sha256]


async def test_a_site_hears_of_a_no_that_another_process_took(plane: Plane):
    """Its link is here and the owner's no was taken elsewhere, or before a restart: the question is taken back once."""
    asked = await ask(plane)
    await plane.sessions.asks.tick()
    elsewhere = await read(plane, asked)
    async with plane.database.unit_of_work() as unit:
        await SqlViewAsks(plane.database).change(
            unit, elsewhere, state=AskState.DECLINED, answered_at=plane.clock.now()
        )
        await unit.commit(unaudited="what another process wrote with its leaf")
    for _ in range(2):
        await plane.sessions.asks.tick()

    assert plane.ask_sites.taken_back == [asked.document_sha256]


async def test_a_no_on_site_is_not_told_back_to_it(plane: Plane):
    """It knows."""
    asked = await ask(plane)
    await plane.sessions.asks.site_answered(AGENT, asked.document_sha256, is_yes=False, token="t")
    await plane.sessions.asks.tick()

    assert plane.ask_sites.taken_back == []
    assert (await plane.log(ORGANISATION))[-1].said("by") == "site"


# --- yes


async def test_a_yes_by_touch_opens_one_view_of_who_asked(plane: Plane):
    """The grant carries request and touch; nobody else opens it, not for another reason, and not twice."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(DELEGATE, asked.id, TOUCH)
    assert await standing(plane, asked) is Standing.GRANTED
    assert await standing(plane, asked, OTHER) is Standing.OVER
    for wrong in ({"principal": OTHER}, {"purpose": "life_safety"}, {"camera_id": made_up("cam", 30)},
                  {"incident_id": made_up("inc", 30)}, {"incident_id": ""}):  # fmt: skip
        with pytest.raises(DeniedError, match=r"^(Available if the owner agrees|Not available for this purpose)\.$"):
            await plane.open(**wrong)
    session = await plane.accepted()
    with pytest.raises(DeniedError):
        await plane.open()

    approval = plane.site.grants[0].grant.approval
    assert approval is not None
    assert (approval.label, approval.document, approval.assertion) == (VIEW_LABEL, asked.document, TOUCH)
    assert (session.horizon_at - session.requested_at).total_seconds() <= VIEW_APPROVED_S
    assert (await read(plane, asked)).session_id == session.id
    kinds = await plane.kinds(ORGANISATION)
    assert [kind for kind in kinds if kind not in {"view.denied", "grant.issued"}] == [
        "view.asked", "view.approved", "view.requested", "view.accepted",
    ]  # fmt: skip


async def test_a_yes_on_site_opens_the_view_with_the_sites_own_word(plane: Plane):
    """Its token travels back in the grant; the site itself knows what it said."""
    asked = await ask(plane)
    await plane.sessions.asks.site_answered(AGENT, asked.document_sha256, is_yes=True, token="signed")
    await plane.accepted()

    approval = plane.site.grants[0].grant.approval
    assert approval is not None
    assert (approval.site_token, approval.assertion) == ("signed", None)
    assert (await plane.log(ORGANISATION))[1].said("by") == "site"


async def test_a_yes_that_nobody_uses_lapses_after_five_minutes(plane: Plane):
    """Whoever agreed to now did not agree to later."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    plane.clock.advance(VIEW_APPROVED_S)
    with pytest.raises(DeniedError):
        await plane.open()
    await plane.sessions.asks.tick()

    assert (await read(plane, asked)).state is AskState.LAPSED


async def test_the_view_ends_with_its_five_minutes_and_reads_so(plane: Plane):
    """Its time is used; nothing about the owner is told by its end."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    session = await plane.accepted()
    plane.clock.advance(VIEW_APPROVED_S)
    await plane.sessions.upkeep.beat()

    assert (await plane.read(session.id)).end_reason is EndReason.TIME


async def test_two_views_at_once_use_a_yes_once(plane: Plane):
    """Two tabs of who asked press at the same moment: one picture, and the other tab is refused."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    opened, refused = [], []

    async def press() -> None:
        try:
            opened.append(await plane.open())
        except (ConflictError, DeniedError) as error:
            refused.append(error)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(press)

    assert (len(opened), len(refused)) == (1, 2)
    assert [session.id for session in plane.sessions.live.running()] == [opened[0].session_id]


async def test_a_view_that_never_came_to_a_picture_may_be_opened_again(plane: Plane):
    """A camera that was unreachable used nothing up, at the site neither."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    plane.site.answer = "camera_unreachable"
    failed = await plane.open()
    await plane.in_state(failed.session_id, "refused")
    plane.site.answer = "accept"
    session = await plane.accepted()

    assert (await read(plane, asked)).session_id == session.id
    with pytest.raises(DeniedError):
        await plane.open()


async def test_a_no_ends_the_view_that_the_yes_opened(plane: Plane):
    """The owner changes their mind while somebody watches: ended here before it is answered, and told to the site."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    session = await plane.accepted()
    await plane.sessions.asks.decline(OWNER, asked.id)
    ended = await plane.read(session.id)
    await plane.sessions.asks.tick()

    assert (ended.end_reason, words_of(ended)) == (EndReason.RULES, Words.ENDED_BY_RULES)
    assert ("drop", session.id) in plane.relay.orders
    assert plane.ask_sites.taken_back == [asked.document_sha256]


async def test_a_no_in_another_process_ends_the_view_here(plane: Plane):
    """Where no such view is known: the asker's generation goes up, and whoever shows the view decides it again."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    session = await plane.accepted()
    seat = plane.sessions.live._board.take(session.id)
    before = (await plane.database.generations_since(0)).platform
    await plane.sessions.asks.decline(OWNER, asked.id)
    assert seat is not None
    plane.sessions.live._board.put(seat)

    assert OPERATOR.person_id in (await plane.database.generations_since(before)).changed
    assert await plane.sessions.live.rules_changed() == 1
    assert ("drop", session.id) in plane.relay.orders


async def test_a_no_while_the_view_is_opened_counts(plane: Plane):
    """The yes is used between the owner's page and their no: the no ends what it opened instead of being refused."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    before = await read(plane, asked)
    session = await plane.accepted()
    original, seen = plane.sessions.asks._own, [before]

    async def reads_late(principal: Principal, ask_id: str) -> ViewAsk:
        return seen.pop() if seen else await original(principal, ask_id)

    plane.sessions.asks._own = reads_late  # type: ignore[method-assign]
    assert (await plane.sessions.asks.decline(OWNER, asked.id)).state is AskState.DECLINED
    assert (await plane.read(session.id)).end_reason is EndReason.RULES


async def test_who_asked_hears_of_every_step(plane: Plane):
    """So that the picture starts by itself; news name the camera alone."""
    with plane.bus.subscribe(topic_of_asker(OPERATOR.person_id)) as news:
        asked = await ask(plane)
        await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
        with anyio.fail_after(5):
            heard = [(await news.get()).ref for _ in range(2)]

    assert heard == [CAMERA] * 2


async def test_without_asking_a_yes_is_not_used_up(plane: Plane):
    """A view that the rules permit by themselves leaves the owner's yes alone."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    plane.decider.needs_yes = False
    await plane.accepted()

    assert plane.site.grants[0].grant.approval is None
    assert await standing(plane, asked) is Standing.GRANTED


async def test_who_answered_is_kept_and_the_first_answer_wins(plane: Plane):
    """Whoever comes second hears that it was answered; a no afterwards is somebody's too."""
    asked = await ask(plane)
    await plane.sessions.asks.approve(DELEGATE, asked.id, TOUCH)
    assert (await read(plane, asked)).answered_by == DELEGATE.person_id
    with pytest.raises(ConflictError):
        await plane.sessions.asks.approve(OWNER, asked.id, TOUCH)
    assert (await read(plane, asked)).answered_by == DELEGATE.person_id

    await plane.sessions.asks.decline(OWNER, asked.id)
    assert (await read(plane, asked)).answered_by == OWNER.person_id
