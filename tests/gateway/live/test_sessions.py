"""A live view that runs: its first picture, who joins it, who is woken by it, and the code over it."""

from dataclasses import replace

import anyio
import pytest

from gateway.audit import Query
from gateway.live import (
    SessionState,
    ViewDeny,
    ViewPermit,
    ViewQuestion,
    topic_of_viewer,
)
from gateway.live.model import mark_of, read_mark
from gateway.live.relay import protocol
from partner_agent.wire.ids import SystemIds
from tests.support.live import (
    OPERATOR,
    ORGANISATION,
    SUPERVISOR,
    Plane,
)

pytestmark = pytest.mark.anyio


async def test_the_first_picture_establishes_the_view(plane: Plane):
    """Requested, granted, accepted, started: one leaf each, with who looked for compliance only."""
    session = await plane.accepted()

    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))

    assert (await plane.read(session.id)).state == "established"
    assert await plane.kinds(session.id) == ["view.requested", "grant.issued", "view.accepted", "view.started"]
    entry = (await plane.log(session.id))[0]
    assert entry.said("person") == OPERATOR.person_id
    assert entry.said("opened_by") == "person"
    seen_by_owner = (await plane.audit.find(Query(streams=frozenset({ORGANISATION})))).entries
    assert all("person" not in each.openings for each in seen_by_owner)


async def test_a_picture_faster_than_the_disk_is_not_lost(plane: Plane):
    """The relay may forward before the acceptance is written."""
    plane.site.gate = anyio.Event()
    opened = await plane.open()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=opened.session_id, srtp_profile="GCM"))

    plane.site.gate.set()

    await plane.in_state(opened.session_id, "established")


async def test_a_second_viewer_joins_the_running_publication(plane: Plane):
    """One uplink for both; each with a grant and an acceptance of its own."""
    first = await plane.accepted()
    second = await plane.accepted()

    assert first.publication == second.publication
    assert first.grant_id != second.grant_id
    assert len(plane.site.grants) == 2
    assert len([order for order in plane.relay.orders if order[0] == "admit"]) == 2


async def test_views_that_owe_other_black_areas_never_share_a_publication(plane: Plane):
    """Each set of areas has its own; whoever owes the same joins."""
    found = []
    for masks in ((), ("door",), ("door", "yard"), ("door",)):
        plane.decider.masks = masks
        found.append((await plane.accepted()).publication)

    assert found[1] == found[3]
    assert len(set(found)) == 3


async def test_a_rule_that_asks_for_an_area_ends_views_without_it(plane: Plane):
    """A running picture is not painted later; one that already owes more goes on."""
    plane.decider.masks = ("yard",)
    await plane.accepted()
    plane.decider.masks = ("door", "yard")
    kept = await plane.accepted()

    plane.decider.masks = ("door",)
    assert await plane.sessions.live.rules_changed() == 1
    assert [session.id for session in plane.sessions.live.running()] == [kept.id]


async def test_views_of_other_heights_never_share_a_publication(plane: Plane):
    """The relay begins with pictures it was sent before: whoever may have smaller ones is never shown the larger."""
    found = []
    for most_lines in (720, 480, 1080, 480):
        plane.decider.most_lines = most_lines
        found.append((await plane.accepted()).publication)

    assert found[1] == found[3]
    assert len(set(found)) == 3


async def test_a_rule_that_gives_smaller_pictures_ends_views_of_larger_ones(plane: Plane):
    """A running picture is not made smaller later; one that is small enough goes on."""
    await plane.accepted()
    plane.decider.most_lines = 360
    kept = await plane.accepted()

    plane.decider.most_lines = 480
    assert await plane.sessions.live.rules_changed() == 1
    assert [session.id for session in plane.sessions.live.running()] == [kept.id]


async def test_the_end_wakes_whoever_looks_and_nobody_else(plane: Plane):
    """It is announced to the viewer's own page, with nothing but the id."""
    others = topic_of_viewer(SUPERVISOR.person_id)
    with plane.bus.subscribe(topic_of_viewer(OPERATOR.person_id)) as mine, plane.bus.subscribe(others) as theirs:
        session = await plane.accepted()
        await plane.sessions.live.stop(SUPERVISOR, session.id)

        with anyio.fail_after(5):
            told = await mine.get()
        with anyio.move_on_after(0) as quiet:
            await theirs.get()

    assert told.ref == session.id
    assert quiet.cancelled_caught


async def test_a_start_that_goes_well_wakes_no_page(plane: Plane):
    """Its own picture tells; pages that asked at each step would take the gateway's time from the next start."""
    with plane.bus.subscribe(topic_of_viewer(OPERATOR.person_id)) as mine:
        session = await plane.accepted()
        await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
        assert (await plane.read(session.id)).state is SessionState.ESTABLISHED

        with anyio.move_on_after(0) as quiet:
            await mine.get()

    assert quiet.cancelled_caught


@pytest.mark.parametrize("typed", ["", "ABCD", "ABCDEFGHJ", "ABCD-EFGU", "ABCD EFG%"])
async def test_what_is_no_code_finds_no_view(plane: Plane, typed: str):
    """Too short, too long, or a character that no code has."""
    await plane.open()

    assert await plane.sessions.live.marked(typed) == ()


async def test_the_code_over_a_picture_leads_to_its_view(plane: Plane):
    """As it was read off a photo: grouped, in small letters, with O for 0 and l for 1; another's leads elsewhere."""
    first, second = await plane.open(), await plane.open()
    assert len({first.mark, second.mark}) == 2
    typed = f" {first.mark[:4]}-{first.mark[4:]} ".lower().replace("0", "o").replace("1", "l")

    found = await plane.sessions.live.marked(typed)

    assert [session.id for session in found] == [first.session_id]


def test_every_code_means_the_view_it_was_made_of():
    """Ids are written small, codes large to be read off a photo; each of many leads back to the end of its own id."""
    for session in (SystemIds().new("ses") for _ in range(200)):
        mark = mark_of(session)
        assert mark == mark.upper()
        assert session.endswith(read_mark(f"{mark[:4]}-{mark[4:]}"))
        assert read_mark(mark)


async def test_without_a_watermark_in_the_obligations_there_is_no_code(plane: Plane):
    """The code is for the overlay that the owner's rules ask for, and for nothing else."""
    usual = plane.decider.decide

    async def unmarked(question: ViewQuestion) -> ViewPermit | ViewDeny:
        permit = await usual(question)
        assert isinstance(permit, ViewPermit)
        return replace(permit, obligations={**permit.obligations, "watermark": False})

    plane.decider.decide = unmarked  # type: ignore[method-assign]

    assert (await plane.open()).mark == ""
