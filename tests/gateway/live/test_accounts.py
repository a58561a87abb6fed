"""Both accounts of a live view: they close it, and one that is missing or does not fit is an incident."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.kernel.errors import InvalidError, NotFoundError
from gateway.live import (
    OpenedBy,
    Words,
    words_of,
)
from gateway.live.model import Account, counts_agree
from gateway.live.relay import protocol
from partner_agent.wire import classes
from partner_agent.wire.messages import Interrupted, Refused
from policies.request import Usage
from tests.support.live import (
    OPERATOR,
    OTHER,
    SITE,
    Plane,
    gone,
    made_up,
)

pytestmark = pytest.mark.anyio


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


async def test_a_site_that_sent_far_longer_than_was_forwarded_is_an_incident(plane: Plane):
    """What the relay did not forward went somewhere else; a slow call and a dead way explain a minute, and no more."""
    for sent_s, kinds in ((69, 0), (74, 1)):
        session = await plane.accepted()
        await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
        await plane.sessions.upkeep.relay_said(gone(session.id, seconds=5))

        await plane.sessions.accounts.stopped(session.agent_id, plane.site.stopped(session, seconds=sent_s))

        assert (await plane.kinds(session.id)).count("counts.differed") == kinds


def test_a_site_that_crashed_in_a_recording_may_have_been_away_for_long():
    """Its bounds are of the time until it was back: it is no incident that less was forwarded, but that more was is."""
    site = Account(seconds=150, sent_bytes=0)
    assert not counts_agree(site, Account(seconds=60, sent_bytes=1))
    assert counts_agree(site, Account(seconds=60, sent_bytes=1), is_live=False)
    assert not counts_agree(site, Account(seconds=160, sent_bytes=1), is_live=False)


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


async def test_a_refusal_that_names_no_session_is_taken(plane: Plane):
    """Of a grant that the site could not read, or had no room to: else it would be repeated for ever."""
    claims: dict[str, Any] = {"re": "msg_1", "grant_sha256": "0" * 64, "code": "limit", "jti": None, "session": None}
    taken = Refused(id="r", token=plane.site.say(classes.REFUSED, claims))

    await plane.sessions.accounts.refused(plane.site.agent_id, taken)

    stranger = Refused(id="r", token=plane.site.say(classes.REFUSED, {**claims, "session": "ses_none"}))
    with pytest.raises(NotFoundError):
        await plane.sessions.accounts.refused(plane.site.agent_id, stranger)


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
