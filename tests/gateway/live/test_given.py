"""What sites have given is added up where the rows are, and comes to what the sessions say one by one."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from gateway.kernel.database import Database
from gateway.live.model import OPEN_STATES, Account, EndReason, Session, SessionState
from gateway.live.store import SqlSessions
from policies.request import Usage
from policies.vocabulary import Act
from tests.gateway.live.test_phone_rules import WATCHED

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
A_DAY_AGO = NOW - timedelta(days=1)
SITES = tuple("sit_" + letter * 26 for letter in "ab")


def session(number: int, site: str) -> Session:
    """One that was asked for a while ago."""
    return replace(
        WATCHED,
        id=f"ses_{number:026}",
        grant_id=f"grt_{number:026}",
        site_id=site,
        state=SessionState.REQUESTED,
        requested_at=NOW - timedelta(minutes=5),
    )


def lived(drafted: Session, lot: Random) -> Session:
    """What may have become of it: every kind of session that there is, by lot."""
    accepted_at = NOW - timedelta(milliseconds=lot.randrange(1, 40 * 3_600_000))
    ended_at = min(NOW, accepted_at + timedelta(milliseconds=lot.randrange(1, 3_600_000)))
    is_over, is_recorded = lot.random() < 0.7, lot.random() < 0.3
    accounts = [Account(seconds=lot.choice((0.0, 3.0, 3.001, 17.4)), sent_bytes=1), None]
    found = replace(drafted, accepted_at=accepted_at, relay=lot.choice(accounts), site=lot.choice(accounts))
    if lot.random() < 0.1:
        return replace(
            found, accepted_at=None, state=SessionState.REFUSED, ended_at=ended_at, end_reason=EndReason.RULES
        )
    if is_recorded:
        start, span = NOW - timedelta(hours=2), timedelta(milliseconds=lot.randrange(1, 600_000))
        footage_s = lot.choice((None, 0, 12))
        found = replace(
            found, act=Act.RECORDED_VIEW.value, range_from=start, range_to=start + span, footage_s=footage_s
        )
    if is_over:
        return replace(found, state=SessionState.ENDED, ended_at=ended_at, end_reason=EndReason.LEFT)
    return replace(found, state=lot.choice((SessionState.ACCEPTED, SessionState.ESTABLISHED)))


def one_by_one(sessions: Iterable[Session], *, without: str) -> dict[str, Usage]:
    """By each session's own word."""
    found: dict[str, Usage] = {}
    for each in sessions:
        is_past = each.ended_at is not None and each.ended_at <= A_DAY_AGO
        if each.accepted_at is None or is_past or each.id == without:
            continue
        so_far = found.get(each.site_id, Usage())
        found[each.site_id] = Usage(
            live_s=so_far.live_s + (0 if each.is_recorded else math.ceil(each.seconds_until(NOW))),
            clip_s=so_far.clip_s + each.recorded_s,
            views_now=so_far.views_now + (each.state in OPEN_STATES),
        )
    return found


async def test_what_sites_have_given_is_what_their_sessions_say(database: Database):
    """Live and recorded, running and over, with the site's account, the relay's, or none; and without one of them."""
    store, lot = SqlSessions(database), Random(4)
    sessions = [lived(session(number, SITES[number % 2]), lot) for number in range(300)]
    async with database.unit_of_work() as unit:
        for each in sessions:
            await store.add(unit, each)
            accounts = {side: account for side in ("site", "relay") if (account := getattr(each, side))}
            if accounts:
                await store.note(unit, each.id, **accounts)
        await unit.commit(unaudited="a test's rows")

    for without in ("", sessions[7].id, sessions[8].id):
        found = await store.given(SITES, since=A_DAY_AGO, now=NOW, without=without)
        assert found == one_by_one(sessions, without=without)
    assert await store.given(("sit_" + "z" * 26,), since=A_DAY_AGO, now=NOW, without="") == {}
