"""Views of recordings at the site: which are refused, what they may show, how they end and what they account for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.areas import Area, box, shape_of
from partner_agent.masks import Masks
from partner_agent.ports import Counts, HeldRange, MediaError, Steer
from partner_agent.wire import messages as m
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.limits import (
    PLAYBACK_PER_S,
    RECORDED_AHEAD_S,
    RECORDED_RANGE_S,
    RECORDED_VIEW_S,
    RECORDED_VOCABULARY,
    THUMBNAILS,
)
from partner_agent.wire.playback_messages import (
    Coverage,
    CoverageAsk,
    Playback,
    Playing,
    Thumbnails,
    ThumbnailsAsk,
)
from partner_agent.wire.problems import Code
from policies import vocabulary
from policies.model import Policy, Totals
from policies.vocabulary import Act
from tests.fakes.clock import START, FakeClock
from tests.fakes.media import FakePlayer
from tests.policies import build
from tests.support.agents import Bench

pytestmark = pytest.mark.anyio
BOTH = frozenset({Act.LIVE_VIEW, Act.RECORDED_VIEW})


def shared(*, acts: frozenset[Act] = BOTH, totals: Totals | None = None, **terms: Any) -> Policy:
    """Rules that let both be seen."""
    changes = {"totals": totals} if totals else {}
    return build.policy(build.rule(acts=acts), terms=(build.terms(**terms),), **changes)


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shares two cameras, live and recorded."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(shared())
        yield bench


def ago(minutes: float) -> str:
    """So long before now."""
    return to_rfc3339(START - timedelta(minutes=minutes))


def recorded(begin: float = 9, end: float = 4, **changes: Any) -> dict[str, Any]:
    """The claims of a view of the recording from so many minutes ago to so many; the call came five minutes ago."""
    seconds = max(1, round((begin - end) * 60))
    caps = {"caps": {"seconds": seconds, "height_lines": 720}}
    return {"act": "recorded.view", "recorded": {"from": ago(begin), "to": ago(end)}, **caps, **changes}


async def answer(bench: Bench, **changes: Any) -> str:
    """What the site answers to a grant."""
    body = bench.body(**changes)
    if "obligations" not in changes:
        body["obligations"] = body["obligations"] | {"max_s": body["caps"]["seconds"]}
    await bench.agent.desk.grant(bench.gateway.grant(body))
    await anyio.wait_all_tasks_blocked()
    refused = [said for said in bench.heard(m.Message) if isinstance(said, m.Refused)]
    return bench.claims(refused[0])["code"] if refused else "accepted"


async def started(bench: Bench, **changes: Any) -> FakePlayer:
    """A view that runs."""
    assert await answer(bench, **recorded(**changes)) == "accepted"
    return bench.players.players[-1]


# --- refused


@pytest.mark.parametrize(
    ("why", "policy", "view"),
    [
        ("not shared", shared(acts=frozenset({Act.LIVE_VIEW})), recorded()),
        ("only as a file", shared(acts=frozenset({Act.LIVE_VIEW, Act.CLIP_FETCH})), recorded()),
        ("older than the owner lets it be", shared(look_back_s=480), recorded()),
        ("before the owner gave recordings", shared(history_from_ms=round(START.timestamp() - 500) * 1000), recorded()),
        ("farther from the call than the owner lets it be", shared(around_s=230), recorded()),
        ("longer than the owner lets it be", shared(clip_s=299), recorded()),
        ("more than is left for the day", shared(totals=Totals(86_400, 299, 8)), recorded()),
        ("longer than five minutes before the call", shared(), recorded(begin=10.1)),
        ("for live views", shared(), recorded() | {"act": "live.view"}),
        ("for a file", shared(acts=BOTH | {Act.CLIP_FETCH}), recorded() | {"act": "clip.fetch"}),
    ],
)
async def test_6_a_recording_that_is_not_given_is_not_shown(bench: Bench, why: str, policy: Policy, view: Any):
    """The site decides with the range by the rules it holds, whatever the gateway said."""
    del why
    bench.share_more(policy)

    assert await answer(bench, **view) == Code.POLICY_DENIES
    assert bench.players.orders == []


async def test_6_a_live_view_needs_no_range_and_a_recording_one(bench: Bench):
    """The act of recordings without a range is no view at all."""
    view = recorded()
    del view["recorded"]

    assert await answer(bench, **view) == Code.POLICY_DENIES
    assert bench.publisher.orders == []


@pytest.mark.parametrize(("drawn", "said"), [("door", Code.POLICY_DENIES), ("window", "accepted")])
async def test_6_a_recording_that_owes_an_area_is_shown_once_it_is_drawn(bench: Bench, drawn: str, said: str):
    """By the site's own list, as a live view; the player is told what is black."""
    bench.share_more(shared(masks=frozenset({"window"})))
    Masks(bench.agent.store).put("cam_1", Area(drawn, drawn, box(0, 0, 10, 10), shape_of(16, 9)))
    obligations = bench.body()["obligations"] | {"masks": ["window"], "max_s": 300}

    assert await answer(bench, **recorded(obligations=obligations)) == said
    assert [order.limits.masks for order in bench.players.orders] == ([{"window"}] if said == "accepted" else [])


async def test_6_what_the_player_cannot_paint_is_not_shown(bench: Bench):
    """Whatever was decided, the part that has to paint has the last word."""
    bench.players.code = Code.OBLIGATION_UNKNOWN

    assert await answer(bench, **recorded()) == Code.OBLIGATION_UNKNOWN


async def test_an_area_that_is_taken_away_ends_the_view_that_owes_it(bench: Bench):
    """At once, as it ends a live one."""
    bench.share_more(shared(masks=frozenset({"window"})))
    Masks(bench.agent.store).put("cam_1", Area("window", "Window", box(0, 0, 10, 10), shape_of(16, 9)))
    player = await started(bench, obligations=bench.body()["obligations"] | {"masks": ["window"], "max_s": 300})

    bench.agent.site.remove_area("cam_1", "window")

    assert player.ended.is_set()


async def test_5_a_paused_site_shows_nothing_recorded(bench: Bench):
    """The owner's own switch stands before every rule."""
    bench.agent.switches.pause(None, by="site")

    assert await answer(bench, **recorded()) == Code.PAUSED


@pytest.mark.parametrize(
    "changed",
    [
        {"from": ago(4), "to": ago(9)},
        {"from": ago(9), "to": ago(9)},
        {"from": "yesterday", "to": ago(4)},
        {"from": ago(9), "to": ago(4), "at": "noon"},
        {"from": ago(9)},
        {"from": ago(9), "to": ago(4), "camera": "cam_2"},
        {"from": to_rfc3339(START - timedelta(seconds=RECORDED_RANGE_S + 1)), "to": to_rfc3339(START)},
    ],
)
async def test_1_a_range_that_is_none_is_no_grant(bench: Bench, changed: dict[str, str]):
    """Backwards, empty, not a time, not closed, or longer than one view may be."""
    assert await answer(bench, **recorded() | {"recorded": changed}) == Code.GRANT_INVALID


async def test_8_what_has_not_happened_yet_is_not_a_recording(bench: Bench):
    """A range may end a little ahead of the site's clock, for clocks differ, and no further."""
    assert await answer(bench, **recorded(end=-(RECORDED_AHEAD_S + 1) / 60)) == Code.LIMIT


async def test_an_agent_says_that_it_knows_views_of_recordings():
    """By the number it announces; an older one is never asked."""
    assert vocabulary.VERSION >= RECORDED_VOCABULARY


# --- shown


async def test_the_player_gets_the_granted_range_and_an_uplink_of_its_own(bench: Bench):
    """It starts where the grant says, and is shared with nobody, not even with a live view of the camera."""
    at = ago(6)
    player = await started(bench, recorded={"from": ago(9), "to": ago(4), "at": at})
    await started(bench)

    assert player.span == HeldRange(START - timedelta(minutes=9), START - timedelta(minutes=4))
    assert player.where.position == START - timedelta(minutes=6)
    assert len(bench.players.players) == 2
    assert bench.publisher.orders == []


async def test_it_is_there_while_the_camera_is_not(bench: Bench):
    """What was recorded before a camera went away can still be shown."""
    bench.cameras.become("cam_1", "gone")

    assert await answer(bench, **recorded()) == "accepted"


# --- ended


async def test_taken_back_it_ends_at_once(bench: Bench):
    """A narrowing that no longer gives recordings halts the player before it is acknowledged."""
    player = await started(bench)

    bench.share_more(shared(acts=frozenset({Act.LIVE_VIEW})))

    assert player.ended.is_set()
    assert bench.agent.sessions.running == ()


@pytest.mark.parametrize("how", ["pause", "lease", "time", "too old", "source"])
async def test_it_ends_as_a_live_view_does(bench: Bench, clock: FakeClock, how: str):
    """By the owner's pause, without a lease, after its time, when it became too old, or when it cannot be read."""
    if how == "too old":
        bench.share_more(shared(look_back_s=545))
    player = await started(bench)
    (running,) = bench.agent.sessions.running
    running.lease_until += 10_000 if how in {"time", "too old"} else 0
    match how:
        case "pause":
            bench.agent.site.pause()
        case "lease":
            clock.advance(10)
        case "time":
            bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[0].hex()))
            clock.advance(RECORDED_VIEW_S)
        case "too old":
            clock.advance(6)
        case "source":
            player.code = Code.CODEC_UNSUPPORTED
            player.ended.set()
            await anyio.wait_all_tasks_blocked()
    bench.agent.sessions.tick()

    reason = bench.token(m.Stopped)["reason"]
    assert reason == {"pause": "paused", "time": "time_limit", "too old": "horizon", "source": "codec_unsupported"}.get(
        how, how
    )
    assert player.ended.is_set()


async def test_a_recording_that_cannot_be_opened_is_accounted_for(bench: Bench):
    """Nothing was shown, and it is said why."""
    bench.players.failure = MediaError(Code.CAMERA_UNREACHABLE, "nothing of this range is recorded")
    await bench.agent.desk.grant(bench.gateway.grant(bench.body(**recorded())))
    await anyio.wait_all_tasks_blocked()

    assert bench.token(m.Stopped)["reason"] == Code.CAMERA_UNREACHABLE
    assert bench.agent.sessions.usage(None).clip_s == 0


# --- accounted


async def test_its_account_tells_what_was_shown(bench: Bench):
    """Which moments left the site, beside how long packets were sent; the site's own journal says the same."""
    player = await started(bench)
    player.watched = [HeldRange(START - timedelta(minutes=9), START - timedelta(minutes=8))]
    player.counts = Counts(START, START, 12.2, 5000)
    bench.agent.sessions.end(bench.agent.sessions.running[0].grant.session, "asked")

    claims = bench.token(m.Stopped)
    assert claims["footage"] == [[ago(9), ago(8)]]
    assert claims["seconds"] == 13
    (line,) = [line for line in bench.agent.journal.newest(5) if line.kind == "stopped"]
    assert line.body["footage"] == [[ago(9), ago(8)]]


async def test_its_whole_range_is_spent_while_it_runs_and_what_was_shown_afterwards(bench: Bench, clock: FakeClock):
    """Two that run at one time never share what is left of the day; scrubbing over little costs little."""
    player = await started(bench)
    assert bench.agent.sessions.usage(None).clip_s == 300
    assert bench.agent.sessions.usage(None).live_s == 0
    assert bench.agent.sessions.usage(None).views_now == 1

    player.watched = [HeldRange(START - timedelta(minutes=9), START - timedelta(minutes=8))]
    bench.agent.sessions.end(bench.agent.sessions.running[0].grant.session, "asked")

    assert bench.agent.sessions.usage(None).clip_s == 60
    clock.advance(24 * 3600)
    assert bench.agent.sessions.usage(None).clip_s == 0


async def test_after_a_crash_the_whole_range_counts_as_shown(bench: Bench, clock: FakeClock):
    """Nobody knows what of it left; how long it ran is told as two bounds."""
    await started(bench)
    clock.advance(7)
    bench.restart()
    async with bench.at_work():
        bench.agent.accounts.repeat(now=True)
        claims = bench.token(m.Interrupted)
        assert (claims["seconds_min"], claims["seconds_max"]) == (0, 8)
        assert bench.agent.sessions.usage(None).clip_s == 300


# --- steered


async def ask(bench: Bench, message: m.Message) -> m.Message:
    """The answer to one order."""
    bench.agent.desk.take(message)
    await anyio.wait_all_tasks_blocked()
    (said,) = (one for one in bench.heard(m.Message) if one.re == message.id)
    return said


def playback(session: str, **changes: Any) -> Playback:
    """An order."""
    return Playback(id="msg_1", session=session, **changes)


@pytest.mark.parametrize("kind", ["unknown", "live", "over"])
async def test_an_order_to_what_is_no_view_of_a_recording_does_nothing(bench: Bench, kind: str):
    """A session that never was, a live one, or one that is over."""
    session = "ses_0"
    if kind == "live":
        assert await answer(bench) == "accepted"
        session = bench.agent.sessions.running[0].grant.session
    if kind == "over":
        await started(bench)
        session = bench.agent.sessions.running[0].grant.session
        bench.agent.sessions.end(session, "asked")
        bench.heard(m.Message)
    for message in (
        playback(session),
        CoverageAsk(id="msg_1", session=session),
        ThumbnailsAsk(id="msg_1", session=session, at=[ago(5)]),
    ):
        said = await ask(bench, message)
        assert isinstance(said, m.Problem)
        assert said.code == "unknown_session"


@pytest.mark.parametrize("changes", [{"speed_percent": 300}, {"step": 2}, {"position": "then"}])
async def test_an_order_in_other_words_does_nothing(bench: Bench, changes: dict[str, Any]):
    """The speeds are a closed list, a step is one picture, a position is a time."""
    player = await started(bench)

    said = await ask(bench, playback(bench.agent.sessions.running[0].grant.session, **changes))

    assert isinstance(said, m.Problem)
    assert player.orders == []


async def test_an_order_is_done_and_answered_with_where_it_is(bench: Bench):
    """Position, speed, pause and step go to the player of that session; the answer is what the page shows."""
    player = await started(bench)
    session = bench.agent.sessions.running[0].grant.session

    said = await ask(bench, playback(session, position=ago(7), speed_percent=200, is_paused=True))

    assert player.orders == [Steer(START - timedelta(minutes=7), 200, is_paused=True)]
    assert isinstance(said, Playing)
    assert (said.position, said.speed_percent, said.is_paused) == (ago(7), 200, True)


async def test_orders_have_a_rate(bench: Bench, clock: FakeClock):
    """More than a hand gives in a second are refused; a second later they are taken again."""
    player = await started(bench)
    session = bench.agent.sessions.running[0].grant.session
    for _ in range(PLAYBACK_PER_S):
        assert isinstance(await ask(bench, playback(session)), Playing)

    said = await ask(bench, playback(session))
    assert isinstance(said, m.Problem)
    assert said.code == Code.LIMIT
    clock.advance(1)
    assert isinstance(await ask(bench, playback(session)), Playing)
    assert len(player.orders) == PLAYBACK_PER_S + 1


async def test_coverage_tells_what_is_recorded_and_why_the_rest_is_not(bench: Bench):
    """Of the granted range and nothing else."""
    await started(bench)

    said = await ask(bench, CoverageAsk(id="msg_1", session=bench.agent.sessions.running[0].grant.session))

    assert isinstance(said, Coverage)
    assert said.spans == [[ago(9), ago(6.5)]]
    assert said.gaps == [[ago(6.5), ago(4), "camera_down"]]


@pytest.mark.parametrize("moments", [[], ["noon"], [ago(5)] * (THUMBNAILS + 1)])
async def test_small_pictures_are_few_and_of_times(bench: Bench, moments: list[str]):
    """None, too many, or of something that is no time."""
    await started(bench)
    session = bench.agent.sessions.running[0].grant.session

    assert isinstance(await ask(bench, ThumbnailsAsk(id="msg_1", session=session, at=moments)), m.Problem)


async def test_small_pictures_are_of_the_range_and_journalled(bench: Bench):
    """What lies outside the range has no picture; each that leaves is in the site's own record."""
    await started(bench)
    session = bench.agent.sessions.running[0].grant.session

    said = await ask(bench, ThumbnailsAsk(id="msg_1", session=session, at=[ago(20), ago(5)]))

    assert isinstance(said, Thumbnails)
    assert [at for at, _ in said.pictures] == [ago(5)]
    (line,) = [line for line in bench.agent.journal.newest(5) if line.kind == "thumbnails"]
    assert line.body == {"session": session, "at": [ago(5)]}


async def test_a_view_that_is_over_says_nothing_more(bench: Bench):
    """An order that was being done when the view ended is not answered with where it was."""
    player = await started(bench)
    (running,) = bench.agent.sessions.running
    where = replace(player.where, is_paused=True)

    async def ends_meanwhile(order: Steer) -> Any:
        del order
        bench.agent.sessions.end(running.grant.session, "asked")
        return where

    player.steer = ends_meanwhile  # type: ignore[method-assign]

    assert isinstance(await ask(bench, playback(running.grant.session)), m.Problem)
