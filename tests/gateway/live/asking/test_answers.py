"""Who answers for an owner, and by when; a no, and silence that reads the same."""

from dataclasses import replace

import pytest

from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    PreconditionError,
)
from gateway.live import AskState, Standing
from gateway.live.asking.model import ANSWER_S
from gateway.live.asking.store import SqlViewAsks
from partner_agent.wire.documents import VIEW_LABEL
from policies.vocabulary import Remedy
from tests.support.asking import DELEGATE, OWNER, STRANGER, TOUCH, ask, read, standing
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
