"""Running sessions: no media without a live lease, ended is ended, and every second is accounted for."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from partner_agent.accounts import MOST_SAID, REPEAT_S
from partner_agent.ports import Counts, MediaError
from partner_agent.wire import messages as m
from partner_agent.wire.playback_messages import ViewSize
from partner_agent.wire.problems import Code
from policies.model import Totals
from tests.fakes.clock import START, FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.lying_gateway import OBLIGATIONS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site with one running view, `bench.body_sent`."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share()
        yield bench


async def _start(bench: Bench, **changes) -> tuple[str, str]:
    body = bench.body(**changes)
    await bench.agent.desk.grant(bench.gateway.grant(body))
    await anyio.wait_all_tasks_blocked()
    bench.heard(m.Message)
    return body["session"], body["jti"]


def _reason(bench: Bench) -> str:
    return bench.token(m.Stopped)["reason"]


async def test_without_a_lease_a_session_lives_ten_seconds(bench: Bench, clock: FakeClock):
    """Acceptance is the first lease; then media stops by itself, gateway or no gateway."""
    await _start(bench)
    clock.advance(9.9)
    bench.agent.sessions.tick()
    assert bench.agent.sessions.running
    clock.advance(0.1)
    bench.agent.sessions.tick()

    assert _reason(bench) == "lease"
    assert bench.publisher.publications[0].ended.is_set()


async def test_a_lease_counts_from_the_sending_of_its_fresh(bench: Bench, clock: FakeClock):
    """A batch that arrives late gives less: ten seconds from the heartbeat it echoes."""
    pair = await _start(bench)
    clock.advance(4)
    fresh = bench.fresh()
    clock.advance(5)
    bench.agent.desk.take(bench.gateway.lease(fresh, pair))
    clock.advance(4.9)
    bench.agent.sessions.tick()
    assert bench.agent.sessions.running
    clock.advance(0.2)
    bench.agent.sessions.tick()

    assert _reason(bench) == "lease"


@pytest.mark.parametrize("kind", ["old fresh", "other link", "invented", "same n", "forged"])
async def test_a_lease_that_is_not_for_now_gives_nothing(bench: Bench, clock: FakeClock, kind: str):
    """Held back, from another link, invented, repeated or forged batches do not prolong."""
    pair = await _start(bench)
    fresh = bench.fresh()
    if kind == "old fresh":
        clock.advance(10.5)
        bench.agent.sessions._running[pair[0]].lease_until = clock.monotonic() + 1
    elif kind == "other link":
        bench.agent.fresh.forget()
    elif kind == "invented":
        fresh = "ab" * 16
    elif kind == "same n":
        bench.agent.desk.take(bench.gateway.lease(bench.fresh(), pair, n=5))
        bench.gateway.lease_n = 4
    else:
        bench.gateway.keys["lease"] = bench.gateway.keys["grant"]
    until = bench.agent.sessions.running[0].lease_until
    clock.advance(0.5)

    assert not bench.agent.sessions.lease(bench.gateway.lease(fresh, pair).token)
    assert bench.agent.sessions.running[0].lease_until == until


async def test_a_session_left_out_of_a_later_batch_ends(bench: Bench, clock: FakeClock):
    """Absence ends it, if the batch's fresh was sent after it was accepted."""
    await _start(bench)
    clock.advance(1)
    bench.agent.desk.take(bench.gateway.lease(bench.fresh()))

    assert _reason(bench) == "lease_absent"


async def test_a_batch_older_than_the_session_does_not_end_it(bench: Bench, clock: FakeClock):
    """A batch that cannot have known the session says nothing about it."""
    early = bench.fresh()
    clock.advance(1)
    await _start(bench)
    bench.agent.desk.take(bench.gateway.lease(early))

    assert bench.agent.sessions.running


async def test_the_gateway_ends_a_session(bench: Bench):
    """`end` stops the uplink before anything else."""
    session, _ = await _start(bench)
    bench.agent.desk.take(m.End(id="msg_e", session=session, reason="stopped by supervisor"))

    assert _reason(bench) == "asked"


async def test_a_narrowing_ends_what_it_no_longer_permits_before_its_ack(bench: Bench):
    """When the ack says that it is in force, nothing it forbids still runs."""
    await _start(bench)
    bench.send_policy(build.policy())

    kinds = [type(message) for message in bench.heard(m.Message)]
    assert kinds == [m.Stopped, m.PolicyAck]


async def test_a_narrowing_leaves_what_it_still_permits(bench: Bench):
    """Other sessions go on."""
    await _start(bench)
    bench.send_policy(build.policy(build.rule(), cameras=(build.camera(),), groups=()))

    assert bench.heard(m.Stopped) == []
    assert bench.agent.sessions.running


@pytest.mark.parametrize("by", ["site", "gateway"])
async def test_pause_ends_everything_and_only_the_site_resumes(bench: Bench, by: str):
    """Pause comes from anywhere; no message of the gateway undoes it."""
    await _start(bench)
    if by == "site":
        bench.agent.site.pause()
    else:
        bench.agent.desk.take(m.Pause(id="msg_p"))

    assert _reason(bench) == "paused"
    assert bench.agent.switches.is_paused("cam_1")
    bench.agent.site.resume(PIN)
    assert not bench.agent.switches.is_paused("cam_1")


async def test_the_pause_of_one_camera_leaves_the_other(bench: Bench):
    """Pausing cam_2 does not end the view of cam_1."""
    await _start(bench)
    bench.agent.desk.take(m.Pause(id="msg_p", camera="cam_2"))

    assert bench.agent.sessions.running


async def test_a_closing_window_ends_its_sessions(bench: Bench, clock: FakeClock):
    """The horizon is asked again by the site's own clock."""
    bench.share_more(build.policy(build.rule(window="office")))
    clock.advance(9 * 3600 - 5)  # 17:59:55 in Chicago
    await _start(bench)
    clock.advance(6)
    bench.agent.sessions.tick()

    assert _reason(bench) == "horizon"


async def test_the_end_of_panic_ends_its_sessions(bench: Bench, clock: FakeClock):
    """Panic is the site's, and so is its end."""
    bench.share_more(build.policy(build.rule(condition="panic")))
    bench.agent.site.panic(is_on=True)
    await _start(bench)
    assert bench.agent.sessions.running
    bench.agent.site.panic(is_on=False)

    assert _reason(bench) == "panic_over"


async def test_the_seconds_of_a_grant_are_enforced_here(bench: Bench, clock: FakeClock):
    """A gateway that goes on leasing does not get one second more."""
    obligations = OBLIGATIONS | {"max_s": 12}
    pair = await _start(bench, caps={"seconds": 12, "height_lines": 720}, obligations=obligations)
    for _ in range(4):
        bench.agent.desk.take(bench.gateway.lease(bench.fresh(), pair))
        clock.advance(3)
        bench.agent.sessions.tick()

    assert _reason(bench) == "time_limit"


async def test_the_days_total_ends_running_sessions(bench: Bench, clock: FakeClock):
    """Two views together may not use more than the owner gives."""
    bench.share_more(build.policy(build.rule(), totals=Totals(300, 300, 4)))
    await _start(bench)
    await _start(bench)
    for publication in bench.publisher.publications:
        publication.counts = Counts(seconds=150.0)
    bench.agent.sessions.tick()

    assert [bench.claims(item)["reason"] for item in bench.heard(m.Stopped)] == ["totals", "totals"]


async def test_an_overdue_promise_ends_every_session(bench: Bench, clock: FakeClock):
    """No proof, no picture."""
    pair = await _start(bench)
    for _ in range(21):
        bench.agent.desk.take(bench.gateway.lease(bench.fresh(), pair))
        clock.advance(3)
        bench.agent.sessions.tick()

    assert _reason(bench) == "promise_overdue"


async def test_the_account_names_first_and_last_packet(bench: Bench):
    """`stopped` carries times, seconds and bytes, signed by the device."""
    session, jti = await _start(bench)
    counts = Counts(START, START + timedelta(seconds=7), 7.2, 4096)
    bench.publisher.publications[0].counts = counts
    bench.agent.sessions.end(session, "asked")

    claims = bench.token(m.Stopped)
    assert (claims["jti"], claims["seconds"], claims["bytes"]) == (jti, 8, 4096)
    assert claims["last_packet_at"] == "2026-11-23T15:00:07.000Z"


async def test_an_account_is_repeated_until_noted_over_a_restart(bench: Bench):
    """Missing is an incident, never silence: the account is on disk."""
    session, _ = await _start(bench)
    bench.agent.sessions.end(session, "asked")
    bench.restart()
    bench.agent.accounts.repeat(now=True)

    (message,) = bench.heard(m.Stopped)
    bench.agent.desk.take(m.Noted(id="msg_n", re=message.id))
    bench.agent.accounts.repeat(now=True)
    assert bench.heard(m.Stopped) == []


async def test_few_accounts_are_on_their_way_at_a_time(bench: Bench, clock: FakeClock):
    """A slow gateway is not told more because it is slow: what it notes makes room, what it does not is said again."""
    for number in range(MOST_SAID + 4):
        claims = {"re": f"msg_{number}", "grant_sha256": f"{number:064x}", "code": "policy_denies"}
        bench.agent.accounts.say("refused", claims)
    bench.agent.accounts.repeat()
    assert bench.heard(m.Refused) == []  # whoever said it posts it first

    bench.agent.accounts.repeat(now=True)
    first = bench.heard(m.Refused)
    bench.agent.accounts.repeat()
    assert (len(first), bench.heard(m.Refused)) == (MOST_SAID, [])
    for message in first[:3]:
        bench.agent.desk.take(m.Noted(id="msg_n", re=message.id))
    bench.agent.accounts.repeat()
    second = bench.heard(m.Refused)
    assert len(second) == 3
    assert not {one.id for one in first} & {one.id for one in second}
    clock.advance(REPEAT_S)
    bench.agent.accounts.repeat()
    assert [one.id for one in bench.heard(m.Refused)] == [one.id for one in [*first[3:], *second]][:MOST_SAID]


async def test_statements_that_are_never_noted_keep_no_other_back(bench: Bench, clock: FakeClock):
    """Whatever the gateway makes of the oldest, each has its turn: also one that only `repeat` says."""
    for number in range(2 * MOST_SAID):
        claims = {"re": f"msg_{number}", "grant_sha256": f"{number:064x}", "code": "limit"}
        bench.agent.accounts.say("refused", claims)
    crash = {"jti": "gnt_1", "session": "ses_1", "seconds_min": 1, "seconds_max": 2, "bytes_min": 3}
    last = bench.agent.accounts.say("interrupted", crash)
    bench.restart()

    for _ in range(3):
        bench.agent.accounts.repeat()
        clock.advance(REPEAT_S)

    assert [one.id for one in bench.heard(m.Interrupted)] == [last.id]


async def test_a_crash_is_accounted_for_with_two_bounds(bench: Bench, clock: FakeClock):
    """After kill -9 the durable count and at most one interval more are stated, and the session does not run again."""
    session, jti = await _start(bench)
    bench.publisher.publications[0].counts = Counts(seconds=5.0, sent_bytes=500)
    clock.advance(5)
    bench.agent.sessions.tick()
    bench.publisher.publications[0].counts = Counts(seconds=9.5, sent_bytes=900)
    bench.restart()
    async with bench.at_work():
        bench.agent.accounts.repeat(now=True)

        claims = bench.token(m.Interrupted)
        assert (claims["session"], claims["jti"]) == (session, jti)
        assert (claims["seconds_min"], claims["seconds_max"]) == (5, 11)
        assert bench.agent.sessions.running == ()


async def test_a_camera_that_does_not_open_ends_its_session_with_the_cause(bench: Bench):
    """What was accepted and could not start is accounted for like the rest."""
    bench.publisher.failure = MediaError(Code.CAMERA_UNREACHABLE, "no answer")
    await bench.send_grant()

    assert _reason(bench) == "camera_unreachable"


async def test_an_uplink_that_opens_as_its_session_ends_is_closed(bench: Bench):
    """Otherwise it would send on, to a relay that forwards nothing, with nobody to stop it."""
    bench.publisher.meanwhile = lambda order: bench.agent.sessions.end(order.session, "asked")
    await bench.send_grant()
    await anyio.wait_all_tasks_blocked()

    assert bench.publisher.publications[0].is_stopped
    assert bench.agent.sessions.running == ()


async def test_an_uplink_that_breaks_ends_its_session(bench: Bench):
    """When the relay or the camera goes away, the session is over."""
    await _start(bench)
    bench.publisher.publications[0].ended.set()
    await anyio.wait_all_tasks_blocked()

    assert _reason(bench) == "source_ended"


async def test_an_uplink_that_ends_itself_says_why(bench: Bench):
    """A camera set to more lines than the view may have: the account says so."""
    await _start(bench)
    bench.publisher.publications[0].code = Code.CODEC_UNSUPPORTED
    bench.publisher.publications[0].ended.set()
    await anyio.wait_all_tasks_blocked()

    assert _reason(bench) == "codec_unsupported"


async def test_a_contradiction_in_the_log_ends_every_session(bench: Bench):
    """Two different histories of one size cannot both be true."""
    await _start(bench)
    bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[0].hex()))
    await _start(bench)
    forged = [b"\x00" * 32, *bench.gateway.leaves[1:]]
    bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[1].hex(), leaves=forged[1:]))

    assert {bench.claims(item)["reason"] for item in bench.heard(m.Stopped)} == {"contradiction"}


async def test_quarantine_ends_every_session(bench: Bench):
    """What the handshake found out counts for what still runs by an older lease."""
    await _start(bench)
    bench.agent.switches.quarantine("test")
    bench.agent.pulse.on_up()

    assert {bench.claims(item)["reason"] for item in bench.heard(m.Stopped)} == {"quarantined"}


async def test_how_large_a_view_is_looked_at_reaches_its_uplink(bench: Bench):
    """Of this session alone; of one that does not run, or less than nothing, it does no harm."""
    session, _jti = await _start(bench)
    for name, lines in ((session, 720), ("ses_9", 90), (session, -5)):
        bench.agent.desk.take(ViewSize(id="m1", session=name, lines=lines))

    assert bench.publisher.publications[0].lines == [0, 720, 0]
