"""A live view from the question to both accounts: who does not get one, how it lives, and how it ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from sqlalchemy.exc import OperationalError

from gateway.audit import LeafDraft, Query
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, InvalidError, LimitedError, NotFoundError, UnavailableError
from gateway.live import EndReason, OpenedBy, SessionState, Words, topic_of_viewer, words_of
from gateway.live.relay import protocol
from gateway.live.service import MAX_OPEN_PER_PERSON
from partner_agent.wire import classes, promises
from partner_agent.wire.leaves import leaf_hash
from partner_agent.wire.messages import Interrupted
from policies.request import Usage
from policies.vocabulary import Remedy
from tests.support.live import (
    CAMERA,
    INCIDENT,
    LOCAL,
    OPERATOR,
    ORGANISATION,
    OTHER,
    RELAY,
    SITE,
    SITE_CERTIFICATE,
    SUPERVISOR,
    Plane,
    live_plane,
    made_up,
)
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Live views on both databases."""
    async with live_plane(database, tmp_path) as running:
        yield running


def gone(session_id: str, *, seconds: float = 5, reason: protocol.EndReason = "left") -> protocol.ViewerGone:
    """The relay's last word on a session."""
    return protocol.ViewerGone(
        session=session_id, reason=reason, packets=9, sent_bytes=900, seconds_ms=round(seconds * 1000)
    )


async def test_a_denied_view_is_a_leaf_and_no_session(plane: Plane):
    """Nobody is asked, nothing is forwarded; the owner sees that somebody asked, and not who."""
    plane.decider.deny()

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await plane.open()

    assert plane.site.grants == []
    assert await plane.kinds(ORGANISATION) == ["view.denied"]
    seen_by_owner = await plane.audit.find(Query(streams=frozenset({ORGANISATION})))
    assert "person" not in seen_by_owner.entries[0].openings
    assert plane.sessions.live.running() == []


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        (Remedy.ASK, "the owner agrees"),
        (Remedy.LINK_INCIDENT, "link an incident"),
        (Remedy.TWO_PERSONS, "second person"),
    ],
)
async def test_a_denial_names_only_the_remedy(plane: Plane, remedy: Remedy, words: str):
    """The reason is for owner and auditor; the operator reads what can be done."""
    plane.decider.deny(remedy, reason="window")

    with pytest.raises(DeniedError, match=words) as error:
        await plane.open()

    assert "window" not in error.value.sentence


async def test_an_unknown_camera_is_not_found(plane: Plane):
    """The same answer as for one the caller may not know of, and no leaf that would tell them apart."""
    plane.decider.is_known = False

    with pytest.raises(NotFoundError):
        await plane.open()

    assert await plane.kinds() == []


async def test_a_view_without_a_certificate_is_refused_before_it_is_decided(plane: Plane):
    """A ticket that binds no browser is never made."""
    with pytest.raises(InvalidError):
        await plane.open(fingerprint="AB:CD")

    assert plane.decider.asked == []


async def test_nobody_opens_without_end(plane: Plane):
    """A loop in a page cannot open the whole city."""
    for _ in range(MAX_OPEN_PER_PERSON):
        await plane.open()

    with pytest.raises(LimitedError):
        await plane.open()


async def test_nothing_new_is_shown_while_the_log_is_behind(plane: Plane):
    """A promise that cannot be kept is not made: no decision, no grant; what runs can still be ended."""
    running = await plane.accepted()
    plane.log_health.is_late = True

    with pytest.raises(UnavailableError, match="log is behind"):
        await plane.open()
    await plane.sessions.live.leave(OPERATOR, running.id)

    assert len(plane.site.grants) == 1
    await plane.in_state(running.id, "ended")


@pytest.mark.parametrize("problem", ["offline", "quarantined", "paused", "behind"])
async def test_a_site_that_cannot_be_asked_is_a_technical_cause(plane: Plane, problem: str):
    """Permitted, but not reachable: the operator reads "offline", the log holds both."""
    plane.site.problem = problem

    with pytest.raises(UnavailableError, match="offline"):
        await plane.open()

    assert await plane.kinds(CAMERA) == ["view.requested", "view.failed"]
    assert plane.site.grants == []


async def test_without_a_relay_nobody_is_asked(plane: Plane):
    """Until it is back: no entry, no grant, and no ticket that the next relay would refuse."""
    plane.relay.is_gone = True

    with pytest.raises(UnavailableError, match="starting again"):
        await plane.open()

    assert await plane.kinds(CAMERA) == []
    assert plane.site.grants == []
    plane.relay.is_gone = False
    await plane.accepted()


async def test_the_answer_comes_before_the_site_s(plane: Plane):
    """The browser calls the relay while the site still thinks; nothing is forwarded meanwhile."""
    plane.site.gate = anyio.Event()

    opened = await plane.open()

    assert opened.whep_url == f"/whep/{opened.session_id}"
    assert opened.ticket.count(".") == 2
    await until(lambda: plane.site.grants)
    assert plane.relay.orders == []
    plane.site.gate.set()
    await plane.in_state(opened.session_id, "accepted")
    assert [order[0] for order in plane.relay.orders] == ["admit"]


async def test_the_grant_shows_its_leaf_and_the_log_s_promise(plane: Plane):
    """What the site is shown is committed, names this grant, and is promised."""
    session = await plane.accepted()

    read = plane.site.grants[0]
    assert read.sha256 == session.grant_sha256
    assert read.grant.camera == LOCAL
    assert read.grant.publish is not None
    assert read.grant.publish.whip_url == f"{RELAY.public_url}/whip/{session.publication}"
    assert read.grant.publish.relay_fingerprint == f"sha-256 {RELAY.fingerprint}"
    claims = promises.parse(
        read.grant.promise, [plane.keyring.promise.public], gateway="http://localhost:8080", origin="localhost/log"
    )
    assert claims.leaf_hash == leaf_hash(read.grant.leaf)
    logged = {entry.leaf_hash.hex() for entry in await plane.log(session.id)}
    assert claims.leaf_hash in logged


async def test_the_relay_forwards_only_the_accepted_publisher(plane: Plane):
    """Its certificate out of the signed acceptance, and no longer than the horizon."""
    plane.decider.horizon_s = 90

    session = await plane.accepted()

    assert plane.relay.orders == [("admit", session.id, session.publication, SITE_CERTIFICATE)]
    assert plane.relay.admitted[session.id] == pytest.approx(90)


@pytest.mark.parametrize("answer", ["accept_other", "accept_forged", "stale", "silent"])
async def test_without_a_good_acceptance_nothing_is_forwarded(plane: Plane, answer: str):
    """Another grant's, another key's, something else, or nothing: the view fails and the site is told to stop."""
    plane.site.answer = answer

    opened = await plane.open()

    await plane.in_state(opened.session_id, "failed")
    assert [order[0] for order in plane.relay.orders] == ["drop"]
    assert plane.site.ends[0].session == opened.session_id
    assert (await plane.kinds(opened.session_id))[-1] == "view.failed"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("policy_denies", Words.NOT_AVAILABLE),
        ("not_shared", Words.NOT_AVAILABLE),
        ("paused", Words.NOT_AVAILABLE),
        ("a_new_code", Words.NOT_AVAILABLE),
        ("camera_unreachable", Words.OFFLINE),
        ("codec_unsupported", Words.CANNOT_START),
    ],
)
async def test_a_refusal_is_logged_with_its_code_and_told_without(plane: Plane, code: str, words: Words):
    """Owner and auditor read why; the operator cannot tell one refusal from another."""
    plane.site.answer = code

    opened = await plane.open()

    await plane.in_state(opened.session_id, "refused")
    assert words_of(await plane.read(opened.session_id)) is words
    entry = (await plane.log(opened.session_id))[-1]
    assert (entry.kind, entry.said("reason")) == ("view.refused", code)
    assert plane.relay.orders == []


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


async def test_leaving_stops_forwarding_before_the_end_is_written(plane: Plane):
    """The order of ending: relay, then log, then site."""
    session = await plane.accepted()
    written: list[bool] = []
    plane.relay.on_drop = lambda: written.append(bool(plane.site.ends))

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


async def test_at_its_horizon_a_view_is_decided_again(plane: Plane):
    """Still permitted: it goes on to the next horizon, but its seconds are never extended."""
    plane.decider.horizon_s, plane.decider.seconds = 60, 100
    session = await plane.accepted()
    plane.clock.advance(60)

    await plane.sessions.upkeep.beat()

    assert (await plane.read(session.id)).is_open
    assert plane.relay.admitted[session.id] == pytest.approx(40)
    plane.clock.advance(40)
    await plane.sessions.upkeep.beat()
    ended = await plane.read(session.id)
    assert (ended.end_reason, words_of(ended)) == (EndReason.TIME, Words.ENDED_BY_RULES)


async def test_at_its_horizon_a_view_that_is_no_longer_permitted_ends(plane: Plane):
    """A window that closed, an end date reached: ended by the sharing rules."""
    plane.decider.horizon_s = 60
    session = await plane.accepted()
    plane.decider.deny()
    plane.clock.advance(60)

    await plane.sessions.upkeep.beat()

    assert words_of(await plane.read(session.id)) is Words.ENDED_BY_RULES


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
    await plane.sessions.upkeep.beat()

    assert (await plane.read(opened.session_id)).state == "refused"
    assert (await plane.kinds(opened.session_id))[-1] == "view.refused"


async def test_an_acceptance_that_cannot_be_written_ends_one_view_and_no_other(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
):
    """A full disk while a yes is written: that view ends, forwarding first; the next one is asked for as ever."""
    append = plane.audit.append

    async def broken(unit: object, draft: LeafDraft) -> object:
        if draft.kind == "view.accepted":
            raise OperationalError("INSERT", {}, OSError("disk full"))
        return await append(unit, draft)

    monkeypatch.setattr(plane.audit, "append", broken)
    opened = await plane.open()
    await plane.in_state(opened.session_id, "failed")
    assert ("drop", opened.session_id) in plane.relay.orders

    monkeypatch.setattr(plane.audit, "append", append)
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


async def test_both_accounts_close_a_session(plane: Plane):
    """The relay's count and the site's signed one fit: nothing more to say."""
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    await plane.sessions.upkeep.relay_said(gone(session.id, seconds=5))

    await plane.sessions.accounts.stopped(session.agent_id, plane.site.stopped(session, seconds=6))
    await plane.sessions.accounts.stopped(session.agent_id, plane.site.stopped(session, seconds=6))

    closed = await plane.read(session.id)
    assert closed.is_reconciled
    assert (closed.site.seconds if closed.site else None, closed.relay.seconds if closed.relay else None) == (6, 5)
    assert (await plane.kinds(session.id)).count("view.accounted") == 1
    assert "counts.differed" not in await plane.kinds(session.id)


async def test_accounts_that_do_not_fit_are_an_incident(plane: Plane):
    """More was forwarded than the site says it sent."""
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    await plane.sessions.accounts.stopped(session.agent_id, plane.site.stopped(session, seconds=5))

    await plane.sessions.upkeep.relay_said(gone(session.id, seconds=30))

    assert "counts.differed" in await plane.kinds(session.id)


async def test_a_missing_account_is_an_incident(plane: Plane):
    """Two minutes after the end the site still has not said what left it."""
    session = await plane.accepted()
    await plane.sessions.live.leave(OPERATOR, session.id)
    plane.clock.advance(119)
    await plane.sessions.accounts.check_missing()
    assert "counts.differed" not in await plane.kinds(session.id)

    plane.clock.advance(2)
    await plane.sessions.accounts.check_missing()
    await plane.sessions.accounts.check_missing()

    assert (await plane.kinds(session.id)).count("counts.differed") == 1


async def test_the_site_s_own_end_ends_the_view(plane: Plane):
    """Paused, narrowed, stolen away: the operator reads that the rules ended it, and the relay drops it at once."""
    session = await plane.accepted()

    await plane.sessions.accounts.stopped(
        session.agent_id, plane.site.stopped(session, seconds=3, reason="policy_changed")
    )

    assert words_of(await plane.read(session.id)) is Words.ENDED_BY_RULES
    assert ("drop", session.id) in plane.relay.orders


async def test_an_account_of_another_key_counts_for_nothing(plane: Plane):
    """Neither ends the session nor fills its account."""
    session = await plane.accepted()
    genuine = plane.site.device
    plane.site.device = type(genuine).generate("ES256")
    forged = plane.site.stopped(session, seconds=0)
    plane.site.device = genuine

    with pytest.raises(InvalidError):
        await plane.sessions.accounts.stopped(session.agent_id, forged)

    assert (await plane.read(session.id)).is_open


async def test_a_crashed_site_gives_two_bounds(plane: Plane):
    """The session ends, and the log holds both."""
    session = await plane.accepted()
    claims = {"jti": session.grant_id, "session": session.id, "seconds_min": 10, "seconds_max": 16, "bytes_min": 5}

    await plane.sessions.accounts.interrupted(
        session.agent_id, Interrupted(id="i", token=plane.site.say(classes.INTERRUPTED, claims))
    )

    entry = (await plane.log(session.id))[-1]
    assert (entry.kind, entry.said("seconds_min"), entry.said("seconds")) == ("view.interrupted", 10, 16)
    assert not (await plane.read(session.id)).is_open


async def test_seconds_on_screen_only_grow_and_never_past_the_clock(plane: Plane):
    """A page cannot make a view shorter afterwards, nor longer than it was."""
    session = await plane.accepted(opened_by=OpenedBy.INCIDENT)
    plane.clock.advance(10)

    await plane.sessions.live.seen(OPERATOR, session.id, on_screen_s=8, enlarged_s=3)
    await plane.sessions.live.seen(OPERATOR, session.id, on_screen_s=2, enlarged_s=1)
    assert ((await plane.read(session.id)).on_screen_s, (await plane.read(session.id)).enlarged_s) == (8, 3)
    await plane.sessions.live.seen(OPERATOR, session.id, on_screen_s=5000, enlarged_s=5000)
    assert (await plane.read(session.id)).on_screen_s == 11
    with pytest.raises(InvalidError):
        await plane.sessions.live.seen(OPERATOR, session.id, on_screen_s=1, enlarged_s=2)
    with pytest.raises(NotFoundError):
        await plane.sessions.live.seen(OTHER, session.id, on_screen_s=1, enlarged_s=1)

    await plane.sessions.live.leave(OPERATOR, session.id)
    entry = (await plane.log(session.id))[-1]
    assert (entry.said("on_screen_s"), entry.said("opened_by")) == (11, None)


async def test_a_second_viewer_joins_the_running_publication(plane: Plane):
    """One uplink for both; each with a grant and an acceptance of its own."""
    first = await plane.accepted()
    second = await plane.accepted()

    assert first.publication == second.publication
    assert first.grant_id != second.grant_id
    assert len(plane.site.grants) == 2
    assert len([order for order in plane.relay.orders if order[0] == "admit"]) == 2


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


async def test_what_a_site_gives_is_counted_for_its_totals(plane: Plane):
    """Open views by the clock, ended ones by their account; another site's, older ones and the one asked about not."""
    first = await plane.accepted()
    second = await plane.accepted()
    plane.clock.advance(10)
    await plane.sessions.live.leave(OPERATOR, first.id)
    await plane.sessions.accounts.stopped(first.agent_id, plane.site.stopped(first, seconds=7))

    usage, elsewhere = plane.sessions.live.usage, made_up("sit", 99)
    assert await usage({SITE, elsewhere}) == {SITE: Usage(live_s=17, views_now=1)}
    assert await usage({SITE}, without_session=second.id) == {SITE: Usage(live_s=7)}
    plane.clock.advance(25 * 3600)
    assert await usage({SITE}, without_session=second.id) == {}


async def test_each_view_is_rounded_up_as_the_site_does(plane: Plane):
    """Two views of a second and a half are four seconds, not three: the site counts each by itself."""
    await plane.accepted()
    await plane.accepted()
    plane.clock.advance(1.5)

    assert (await plane.sessions.live.usage({SITE}))[SITE].live_s == 4


async def test_the_account_of_a_clip_is_not_ours(plane: Plane):
    """A well-signed statement about something else is left to whoever it concerns."""
    session = await plane.accepted()
    other = replace(session, id=made_up("ses", 77))

    with pytest.raises(NotFoundError):
        await plane.sessions.accounts.stopped(session.agent_id, plane.site.stopped(other, seconds=1))

    assert (await plane.read(session.id)).is_open
