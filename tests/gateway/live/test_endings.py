"""How a live view ends: left, stopped, no longer permitted, without leases, a relay or a log; and stays ended."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from sqlalchemy.exc import OperationalError

from gateway.audit import LeafDraft
from gateway.kernel.errors import NotFoundError
from gateway.live import (
    EndReason,
    SessionState,
    Words,
    words_of,
)
from gateway.live.relay import protocol
from gateway.live.upkeep import UNSEEN_S
from tests.support.live import (
    INCIDENT,
    OPERATOR,
    OTHER,
    SUPERVISOR,
    Plane,
    live_plane,
    made_up,
)
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_leaving_stops_forwarding_before_the_end_is_written(plane: Plane):
    """The order of ending: relay, then log, then site."""
    session = await plane.accepted()
    written: list[bool] = []

    async def note() -> None:
        written.append(bool(plane.site.ends))

    plane.relay.on_drop = note

    await plane.sessions.live.leave(OPERATOR, session.id)

    assert written == [False]
    ended = await plane.read(session.id)
    assert (ended.state, ended.end_reason) == ("ended", EndReason.LEFT)
    assert (await plane.kinds(session.id))[-1] == "view.ended"
    assert plane.site.ends[0].session == session.id


async def test_an_ended_view_stays_ended(plane: Plane):
    """Ending twice writes once; a late picture or acceptance reopens nothing."""
    session = await plane.accepted()
    await plane.sessions.live.leave(OPERATOR, session.id)
    leaves = await plane.kinds(session.id)

    await plane.sessions.live.leave(OPERATOR, session.id)
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))

    assert (await plane.read(session.id)).state == "ended"
    assert await plane.kinds(session.id) == leaves


async def test_a_view_ended_while_the_site_thinks_is_not_forwarded_afterwards(plane: Plane):
    """A late acceptance finds nothing to open."""
    plane.site.gate = anyio.Event()
    opened = await plane.open()
    await until(lambda: plane.site.grants)
    await plane.sessions.live.leave(OPERATOR, opened.session_id)

    plane.site.gate.set()
    await anyio.sleep(0.05)

    assert (await plane.read(opened.session_id)).state == "failed"
    assert [order[0] for order in plane.relay.orders] == ["drop"]


async def test_others_cannot_see_or_close_a_view(plane: Plane):
    """Another operator gets the same answer as for one that does not exist."""
    session = await plane.accepted()

    for attempt in (plane.sessions.live.leave(OTHER, session.id), plane.sessions.live.view(OTHER, session.id)):
        with pytest.raises(NotFoundError):
            await attempt
    with pytest.raises(NotFoundError):
        await plane.sessions.live.leave(OPERATOR, made_up("ses", 99))


async def test_a_supervisor_stops_a_view(plane: Plane):
    """Stopped at once, with who stopped it for compliance."""
    session = await plane.accepted()

    await plane.sessions.live.stop(SUPERVISOR, session.id)

    entry = (await plane.log(session.id))[-1]
    assert entry.kind == "session.stopped"
    assert entry.said("stopped_by") == SUPERVISOR.person_id
    assert words_of(await plane.read(session.id)) is Words.STOPPED
    assert ("drop", session.id) in plane.relay.orders


async def test_an_end_between_an_acceptance_and_its_notice_is_an_end(plane: Plane):
    """The row says that the site has accepted, this process does not know it yet: pictures may have passed."""
    opened = await plane.open()
    await plane.in_state(opened.session_id, "accepted")
    seat = plane.sessions.board.get(opened.session_id)
    assert seat is not None
    await until(lambda: seat.session.state is SessionState.ACCEPTED)
    seat.follow(state=SessionState.REQUESTED, accepted_at=None)

    await plane.sessions.live.leave(OPERATOR, opened.session_id)

    assert (await plane.read(opened.session_id)).state == "ended"
    assert (await plane.kinds(opened.session_id))[-1] == "view.ended"


async def test_the_closing_of_the_incident_ends_its_views(plane: Plane):
    """No open incident, no picture; views for other reasons go on."""
    session = await plane.accepted()
    other = await plane.accepted(incident_id="")

    assert await plane.sessions.live.incident_closed(INCIDENT) == 1

    ended = await plane.read(session.id)
    assert (ended.end_reason, words_of(ended)) == (EndReason.INCIDENT, Words.ENDED_BY_RULES)
    assert (await plane.read(other.id)).is_open


async def test_a_changed_rule_ends_what_it_no_longer_permits(plane: Plane):
    """Every running view is decided again, without counting against itself."""
    session = await plane.accepted()
    assert await plane.sessions.live.rules_changed() == 0

    plane.decider.deny()
    assert await plane.sessions.live.rules_changed() == 1

    assert words_of(await plane.read(session.id)) is Words.ENDED_BY_RULES
    assert plane.decider.asked[-1].without_session == session.id


async def test_leases_go_to_relay_and_site(plane: Plane):
    """Every round names exactly what runs, with a number that grows and the site's newest `fresh`."""
    session = await plane.accepted()
    await plane.sessions.upkeep.beat()
    plane.site.fresh = "fresh-2"
    await plane.sessions.upkeep.beat()

    await plane.sessions.live.leave(OPERATOR, session.id)
    await plane.sessions.upkeep.beat()

    assert plane.relay.leased == [[session.id], [session.id], []]
    assert [lease.sessions for lease in plane.site.leases] == [{(session.id, session.grant_id)}] * 2
    assert [lease.fresh for lease in plane.site.leases] == ["fresh-1", "fresh-2"]
    assert plane.site.leases[0].n < plane.site.leases[1].n


async def test_a_session_the_site_is_still_thinking_about_is_leased_to_it(plane: Plane):
    """Or its acceptance would die with the first batch that follows."""
    plane.site.gate = anyio.Event()
    opened = await plane.open()
    await until(lambda: plane.site.grants)

    await plane.sessions.upkeep.beat()

    assert {name for name, _ in plane.site.leases[0].sessions} == {opened.session_id}
    assert plane.relay.leased == [[]]
    plane.site.gate.set()


async def test_a_site_that_dialled_anew_is_leased_to_at_once(plane: Plane):
    """Its views' leases run out meanwhile; a site without views, or a gateway that does not know, sends none."""
    session = await plane.accepted()
    plane.site.fresh = "fresh-of-the-new-link"
    await plane.sessions.upkeep.site_is_back("agt_other")
    assert plane.site.leases == []

    await plane.sessions.upkeep.site_is_back(session.agent_id)

    assert [lease.sessions for lease in plane.site.leases] == [{(session.id, session.grant_id)}]
    assert plane.site.leases[0].fresh == "fresh-of-the-new-link"


async def test_a_site_that_is_gone_for_ten_seconds_has_ended_its_views(plane: Plane):
    """Two lost batches are survived, more are not."""
    session = await plane.accepted()
    await plane.sessions.upkeep.beat()
    plane.site.is_connected = False
    for _ in range(3):
        plane.clock.advance(3)
        await plane.sessions.upkeep.beat()
    assert (await plane.read(session.id)).is_open

    plane.clock.advance(3)
    await plane.sessions.upkeep.beat()

    assert words_of(await plane.read(session.id)) is Words.OFFLINE


@pytest.mark.parametrize("reason", ["LEASE", "OFFLINE", "CANNOT_START", "RELAY", "RESTARTED"])
async def test_a_view_that_showed_something_is_not_said_to_have_failed_to_start(plane: Plane, reason: str):
    """Its connection was lost; a view that never showed anything is told of its start, in the words of before."""
    session = await plane.accepted()
    ended = replace(session, state=SessionState.ENDED, end_reason=EndReason[reason])
    ran = replace(ended, established_at=plane.clock.now())

    assert words_of(ran) is Words.LOST
    assert words_of(ended) is (Words.OFFLINE if reason == "OFFLINE" else Words.CANNOT_START)


async def test_a_running_view_whose_relay_dies_has_lost_its_connection(plane: Plane):
    """As it is written and read again."""
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))

    await plane.sessions.upkeep.relay_gone()

    ended = await plane.read(session.id)
    assert (ended.end_reason, words_of(ended)) == (EndReason.RELAY, Words.LOST)


async def test_a_view_that_shows_nothing_does_not_let_its_site_send_on(plane: Plane):
    """Its browser never called, or never connected: the ticket is over, and with it the view, here and on site."""
    session = await plane.accepted()
    plane.clock.advance(UNSEEN_S - 1)
    await plane.sessions.upkeep.beat()
    assert (await plane.read(session.id)).is_open

    plane.clock.advance(1)
    await plane.sessions.upkeep.beat()

    ended = await plane.read(session.id)
    assert (ended.end_reason, words_of(ended)) == (EndReason.CANNOT_START, Words.CANNOT_START)
    assert [end.session for end in plane.site.ends] == [session.id]


async def test_a_view_that_shows_something_goes_on(plane: Plane):
    """However long ago it was accepted."""
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    plane.clock.advance(2 * UNSEEN_S)

    await plane.sessions.upkeep.beat()

    assert (await plane.read(session.id)).is_open


async def test_taking_access_away_works_without_the_relay(plane: Plane):
    """Its lease ends it; the end is written all the same, and the site is told."""
    session = await plane.accepted()
    plane.relay.is_gone = True

    await plane.sessions.live.stop(SUPERVISOR, session.id)

    assert (await plane.read(session.id)).state == "ended"
    assert plane.site.ends


async def test_an_end_the_log_could_not_take_is_owed_and_paid(plane: Plane, monkeypatch: pytest.MonkeyPatch):
    """The picture stops at once; its leaf is the first thing written when the log is back."""
    session = await plane.accepted()
    append = plane.audit.append

    async def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(plane.audit, "append", broken)
    await plane.sessions.live.leave(OPERATOR, session.id)
    assert ("drop", session.id) in plane.relay.orders
    assert (await plane.read(session.id)).is_open

    monkeypatch.setattr(plane.audit, "append", append)
    await plane.sessions.upkeep.beat()

    assert (await plane.read(session.id)).state == "ended"
    assert (await plane.kinds(session.id))[-1] == "view.ended"


async def test_a_refusal_the_log_could_not_take_is_owed_and_paid(plane: Plane, monkeypatch: pytest.MonkeyPatch):
    """The site's no counts at once; its leaf is written when the log is back, and the page is told."""
    append = plane.audit.append

    async def broken(unit: object, draft: LeafDraft) -> object:
        if draft.kind == "view.refused":
            raise OSError("disk full")
        return await append(unit, draft)

    monkeypatch.setattr(plane.audit, "append", broken)
    plane.site.answer = "policy_denies"
    opened = await plane.open()
    with anyio.fail_after(5):
        while plane.sessions.live.running():
            await anyio.lowlevel.checkpoint()
    assert (await plane.read(opened.session_id)).is_open

    monkeypatch.setattr(plane.audit, "append", append)
    with anyio.fail_after(5):  # what failed may still be on its way back from the database
        while (await plane.read(opened.session_id)).state != "refused":
            await plane.sessions.upkeep.beat()
            await anyio.lowlevel.checkpoint()

    assert (await plane.kinds(opened.session_id))[-1] == "view.refused"


async def test_an_acceptance_that_cannot_be_written_ends_one_view_and_no_other(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
):
    """A full disk while a yes is written: that view ends, forwarding first; the next one is asked for as ever."""
    append_all = plane.audit.append_all

    async def broken(unit: object, drafts: list[LeafDraft]) -> object:
        if any(draft.kind == "view.accepted" for draft in drafts):
            raise OperationalError("INSERT", {}, OSError("disk full"))
        return await append_all(unit, drafts)

    monkeypatch.setattr(plane.audit, "append_all", broken)
    opened = await plane.open()
    await plane.in_state(opened.session_id, "failed")
    assert ("drop", opened.session_id) in plane.relay.orders

    monkeypatch.setattr(plane.audit, "append_all", append_all)
    assert (await plane.accepted()).state == "accepted"


async def test_after_a_restart_nothing_is_open(plane: Plane, tmp_path: Path):
    """What the rows still call open ended with the old process, and that is written."""
    session = await plane.accepted()

    async with live_plane(plane.database, tmp_path / "again") as again:
        await again.sessions.upkeep.recover()

        assert (await again.read(session.id)).end_reason is EndReason.RESTARTED
        assert again.sessions.live.running() == []


async def test_a_dead_relay_ends_every_view(plane: Plane):
    """Its pictures went with it; the page opens new ones."""
    session = await plane.accepted()

    await plane.sessions.upkeep.relay_gone()

    assert (await plane.read(session.id)).end_reason is EndReason.RELAY


async def test_a_dead_relay_among_several_ends_its_own_views(plane: Plane):
    """By their publication; the others go on."""
    session = await plane.accepted()

    await plane.sessions.upkeep.relay_gone(lambda publication: publication != session.publication)
    assert (await plane.read(session.id)).end_reason is EndReason.NONE

    await plane.sessions.upkeep.relay_gone(lambda publication: publication == session.publication)
    assert (await plane.read(session.id)).end_reason is EndReason.RELAY
