"""A yes opens one view of who asked, for five minutes."""

import anyio
import pytest

from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
)
from gateway.kernel.principal import Principal
from gateway.live import AskState, EndReason, Standing, ViewAsk, Words, topic_of_asker, words_of
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.limits import VIEW_APPROVED_S
from tests.support.asking import DELEGATE, OWNER, TOUCH, ask, read, standing
from tests.support.live import (
    AGENT,
    CAMERA,
    OPERATOR,
    ORGANISATION,
    OTHER,
    Plane,
    made_up,
)

pytestmark = pytest.mark.anyio


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


async def test_a_yes_is_never_used_for_sound(plane: Plane):
    """It was to a silent view: whoever asks for sound is refused, and the yes is there for what was asked."""
    plane.decider.may_hear = True
    asked = await ask(plane)
    await plane.sessions.asks.approve(DELEGATE, asked.id, TOUCH)

    with pytest.raises(DeniedError):
        await plane.open(sound=True)

    assert await standing(plane, asked) is Standing.GRANTED
    assert not (await plane.accepted()).has_sound


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
