"""Recordings: kept at once, given only for a grant, asked on site, released once, and accounted for."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.ports import MediaError
from partner_agent.wire import messages as m
from partner_agent.wire.problems import Code
from policies.model import Policy
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.documents import clip_request
from tests.support.lying_gateway import OBLIGATIONS

pytestmark = pytest.mark.anyio
FETCH = frozenset({Act.CLIP_FETCH})
ALWAYS = build.policy(build.rule(acts=FETCH))
ASK = build.policy(build.rule(acts=FETCH, condition="ask"))
CLIP_OBLIGATIONS = {name: value for name, value in OBLIGATIONS.items() if name != "max_s"} | {"max_s": 300}


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A paired site that shares nothing yet."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        yield bench


def _request(bench: Bench, **changes: Any) -> dict[str, Any]:
    return clip_request(lineage=bench.agent.policy.position.lineage, **changes)


async def _fetch(bench: Bench, request: dict[str, Any], **changes: Any) -> str:
    upload = {"upload_url": "https://gw.example/uploads/1", "upload_token": "t", "request": request}
    body = {"act": "clip.fetch", "publish": None, "clip": upload, "obligations": CLIP_OBLIGATIONS, **changes}
    await bench.agent.desk.grant(bench.gateway.grant(bench.body(**body)))
    await anyio.wait_all_tasks_blocked()
    said = bench.heard(m.Message)
    codes = [bench.claims(item)["code"] for item in said if isinstance(item, m.Refused)]
    bench.said_last = said
    return codes[0] if codes else "accepted"


# --- preserve


@pytest.mark.parametrize(
    "changes",
    [
        {"camera": "cam_9"},
        {"lineage": "f" * 32},
        {"site": "sit_2"},
        {"expires_at": "2026-11-23T15:00:00Z"},
        {"t1": "2026-11-23T13:00:00Z"},
    ],
    ids=str,
)
async def test_a_request_that_is_not_for_this_site_holds_nothing(bench: Bench, changes: dict[str, Any]):
    """Another camera, lineage, site, time, or no range."""
    bench.share(ALWAYS)
    bench.agent.desk.take(m.Preserve(id="p", request={**_request(bench), **changes}))

    assert bench.token(m.Preserved)["code"] != "held"
    assert bench.recordings.holds == {}


async def test_preserve_keeps_at_once_and_gives_nothing(bench: Bench):
    """The ranges are named; no session, no byte."""
    bench.share(ALWAYS)
    bench.agent.desk.take(m.Preserve(id="p", request=_request(bench)))

    claims = bench.token(m.Preserved)
    assert (claims["code"], claims["re"]) == ("held", "p")
    assert claims["ranges"] == [["2026-11-23T14:00:00.000Z", "2026-11-23T14:05:00.000Z"]]
    assert bench.agent.sessions.running == ()


async def test_a_hold_that_does_not_fit_is_refused(bench: Bench):
    """The owner's own recording comes first."""
    bench.share(ALWAYS)
    bench.recordings.failure = MediaError(Code.LIMIT, "full")
    bench.agent.desk.take(m.Preserve(id="p", request=_request(bench)))

    assert bench.token(m.Preserved)["code"] == "limit"


async def test_a_hold_ends_with_its_request(bench: Bench, clock: FakeClock):
    """What nobody asks for any more is let go."""
    bench.share(ALWAYS)
    bench.agent.desk.take(m.Preserve(id="p", request=_request(bench)))
    clock.advance(timedelta(days=3, seconds=1).total_seconds())
    bench.agent.pulse.beat()

    assert bench.recordings.holds == {}


async def test_the_gateway_may_let_go(bench: Bench):
    """A request that is over frees its recording."""
    bench.share(ALWAYS)
    bench.agent.desk.take(m.Preserve(id="p", request=_request(bench)))
    sha256 = bench.token(m.Preserved)["request_sha256"]
    bench.agent.desk.take(m.PreserveRelease(id="r", request_sha256=sha256))

    assert bench.recordings.holds == {}


# --- ask


async def test_under_ask_no_clip_leaves_without_the_owners_yes(bench: Bench):
    """The gateway's word that the owner agreed is worth nothing."""
    bench.share(ASK)
    bench.agent.desk.take(m.ClipAsk(id="a", request=_request(bench)))

    assert await _fetch(bench, _request(bench)) == Code.POLICY_DENIES
    assert bench.uploader.sent == []


async def test_the_owners_yes_releases_this_clip(bench: Bench):
    """Answered on site, signed over the digest, cut, announced, uploaded, accounted."""
    bench.share(ASK)
    bench.agent.desk.take(m.ClipAsk(id="a", request=_request(bench)))
    sha256 = bench.token(m.Preserved)["request_sha256"]
    bench.agent.site.approve_clip(sha256, PIN, is_unmasked=False)
    claims = bench.token(m.ClipAnswer)
    assert (claims["digest"], claims["answer"]) == (sha256, "yes")

    assert await _fetch(bench, _request(bench)) == "accepted"

    kinds = [type(message) for message in bench.said_last]
    assert kinds.index(m.ClipCapture) < kinds.index(m.ClipProgress) < kinds.index(m.Stopped)
    assert bench.uploader.sent == ["https://gw.example/uploads/1"]
    assert bench.recordings.discarded == bench.recordings.cuts


async def test_a_yes_to_one_clip_is_no_yes_to_another(bench: Bench):
    """One second more is another request."""
    bench.share(ASK)
    bench.agent.desk.take(m.ClipAsk(id="a", request=_request(bench)))
    bench.agent.site.approve_clip(bench.token(m.Preserved)["request_sha256"], PIN, is_unmasked=False)

    assert await _fetch(bench, _request(bench, t1="2026-11-23T14:05:01Z")) == Code.POLICY_DENIES


async def test_a_no_is_signed_and_final(bench: Bench):
    """Declining needs no PIN, and the gateway is told."""
    bench.share(ASK)
    bench.agent.desk.take(m.ClipAsk(id="a", request=_request(bench)))
    bench.agent.site.decline_clip(bench.token(m.Preserved)["request_sha256"])

    assert bench.token(m.ClipAnswer)["answer"] == "no"
    assert await _fetch(bench, _request(bench)) == Code.POLICY_DENIES


# --- release


@pytest.mark.parametrize(
    "changes",
    [
        {"camera": "cam_2"},
        {"purpose": "fire"},
        {"agency": "age_2"},
        {"incident": "inc_2"},
        {"lineage": "f" * 32},
    ],
    ids=str,
)
async def test_a_grant_must_name_what_its_request_names(bench: Bench, changes: dict[str, Any]):
    """The document and the grant cannot tell different stories."""
    bench.share(ALWAYS)

    assert await _fetch(bench, {**_request(bench), **changes}) == Code.POLICY_DENIES


async def test_a_request_releases_one_file(bench: Bench):
    """The same request again, under a new grant, is refused."""
    bench.share(ALWAYS)
    assert await _fetch(bench, _request(bench)) == "accepted"

    assert await _fetch(bench, _request(bench)) == Code.POLICY_DENIES


async def test_masks_refuse_the_original_unless_the_owner_agreed(bench: Bench):
    """A recording has no masks drawn; only a yes to the unmasked one releases it."""
    masked = build.policy(build.rule(acts=FETCH, condition="ask"), terms=(build.terms(masks=frozenset({"door"})),))
    bench.share(masked)
    obligations = CLIP_OBLIGATIONS | {"masks": ["door"]}
    bench.agent.desk.take(m.ClipAsk(id="a", request=_request(bench)))
    sha256 = bench.token(m.Preserved)["request_sha256"]
    bench.agent.site.approve_clip(sha256, PIN, is_unmasked=False)
    assert await _fetch(bench, _request(bench), obligations=obligations) == Code.POLICY_DENIES

    bench.agent.site.approve_clip(sha256, PIN, is_unmasked=True)
    assert await _fetch(bench, _request(bench), obligations=obligations) == "accepted"


async def test_pause_stops_an_upload(bench: Bench):
    """What has not left stays."""
    bench.share(ALWAYS)
    bench.uploader.gate = anyio.Event()
    assert await _fetch(bench, _request(bench)) == "accepted"
    assert len(bench.agent.sessions.running) == 1
    bench.agent.site.pause()
    await anyio.wait_all_tasks_blocked()

    assert bench.token(m.Stopped)["reason"] == "paused"
    assert bench.uploader.sent == []


async def test_a_cut_that_fails_is_accounted_for(bench: Bench):
    """Nothing recorded: the session ends with the cause."""
    bench.share(ALWAYS)
    bench.recordings.failure = MediaError(Code.CAMERA_UNREACHABLE, "nothing there")

    await _fetch(bench, _request(bench))

    (stopped,) = [bench.claims(item) for item in bench.said_last if isinstance(item, m.Stopped)]
    assert (stopped["reason"], stopped["seconds"]) == ("camera_unreachable", 0)


# --- what the day allows


def _day(clip_s_per_day: int) -> Policy:
    totals = dataclasses.replace(ALWAYS.totals, clip_s_per_day=clip_s_per_day)
    return dataclasses.replace(ALWAYS, totals=totals)


async def test_a_recording_on_its_way_counts_for_the_day(bench: Bench):
    """Two of five minutes, asked for at one time, do not both fit into nine minutes of a day."""
    bench.share(_day(540))
    bench.uploader.gate = anyio.Event()

    assert await _fetch(bench, _request(bench)) == "accepted"
    assert bench.agent.sessions.usage(None).clip_s == 300
    assert await _fetch(bench, _request(bench, request_id="clr_2"), jti="grt_2", session="ses_2") == Code.POLICY_DENIES


async def test_a_recording_that_did_not_leave_does_not_count(bench: Bench):
    """Nothing was cut: the day has all of its seconds again."""
    bench.share(_day(540))
    bench.recordings.failure = MediaError(Code.CAMERA_UNREACHABLE, "nothing there")
    await _fetch(bench, _request(bench))

    assert bench.agent.sessions.usage(None).clip_s == 0


async def test_a_recording_whose_upload_a_crash_broke_off_counts_whole(bench: Bench, clock: FakeClock):
    """The next start goes on with the file, so that all of it may have left."""
    bench.share(ALWAYS)
    bench.uploader.gate = anyio.Event()
    await _fetch(bench, _request(bench))
    clock.advance(6)
    bench.agent.sessions.tick()
    bench.restart()
    async with bench.at_work():
        bench.agent.accounts.repeat(now=True)

        claims = bench.token(m.Interrupted)
        assert (claims["seconds_min"], claims["seconds_max"]) == (300, 300)
        assert bench.agent.sessions.usage(None).clip_s == 300
