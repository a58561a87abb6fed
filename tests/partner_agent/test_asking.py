"""Ask first: an owner's touch opens exactly the one view or recording it was given for, and a no on site beats it."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.wire import clips, views
from partner_agent.wire import messages as m
from partner_agent.wire.documents import CLIP_LABEL, POLICY_LABEL, VIEW_LABEL
from partner_agent.wire.problems import Code
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.documents import clip_request, view_request
from tests.support.lying_gateway import OBLIGATIONS
from tests.support.passkeys import SoftPasskey

pytestmark = pytest.mark.anyio
ASKED = frozenset({Act.CLIP_FETCH, Act.LIVE_VIEW})


def _policy(bench: Bench, *, is_suspended: bool = False):
    owner = dataclasses.replace(bench.passkey.owner, is_suspended=is_suspended)
    return build.policy(build.rule(acts=ASKED, condition="ask"), owners=(owner,))


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that gives nothing without being asked."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(_policy(bench))
        yield bench


def _view(bench: Bench, passkey: SoftPasskey | None = None, label: str = VIEW_LABEL, **changes: Any) -> dict[str, Any]:
    """The approval of a live view, as a grant carries it."""
    document = view_request(lineage=bench.agent.policy.position.lineage, **changes)
    return _approval(passkey or bench.passkey, label, document, views.parse(document).sha256)


def _approval(passkey: SoftPasskey, label: str, document: dict[str, Any], digest: str) -> dict[str, Any]:
    touch = passkey.approve(label, digest)
    assertion = {name: getattr(touch, name) for name in touch.__struct_fields__}
    return {"label": label, "document": document, "assertion": assertion}


async def _answer(bench: Bench, **changes: Any) -> str:
    await bench.agent.desk.grant(bench.gateway.grant(bench.body(**changes)))
    await anyio.wait_all_tasks_blocked()
    codes = [bench.claims(item)["code"] for item in bench.heard(m.Message) if isinstance(item, m.Refused)]
    return codes[0] if codes else "accepted"


async def _fetch(
    bench: Bench, request: dict[str, Any], approval: dict[str, Any] | None, masks: tuple[str, ...] = ()
) -> str:
    upload = {"upload_url": "https://gw.example/uploads/1", "upload_token": "t", "request": request}
    obligations = OBLIGATIONS | ({"masks": list(masks)} if masks else {})
    return await _answer(bench, act="clip.fetch", publish=None, clip=upload, obligations=obligations, approval=approval)


async def test_without_a_touch_no_view_opens(bench: Bench):
    """The gateway's word that somebody was asked is worth nothing."""
    assert await _answer(bench) == Code.POLICY_DENIES


async def test_a_touch_opens_one_view_for_five_minutes(bench: Bench, clock: FakeClock):
    """It ends by itself, whatever the gateway leases, and opens no second one."""
    approval = _view(bench)
    body = bench.body(approval=approval)
    await bench.agent.desk.grant(bench.gateway.grant(body))
    await anyio.wait_all_tasks_blocked()
    assert bench.agent.sessions.running
    bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[0].hex()))
    for _ in range(60):
        assert bench.agent.sessions.running
        bench.agent.desk.take(bench.gateway.lease(bench.fresh(), (body["session"], body["jti"])))
        clock.advance(5)
        bench.agent.sessions.tick()

    assert not bench.agent.sessions.running
    assert await _answer(bench, approval=approval) == Code.POLICY_DENIES
    assert "has opened its view" in bench.agent.journal.newest(1)[0].body["why"]


@pytest.mark.parametrize(
    "changes", [{"camera": "cam_2"}, {"purpose": "life_safety"}, {"incident": "inc_2"}, {"agency": "age_2"},
                {"site": "sit_2"}, {"partner": "org_2"}], ids=str,
)  # fmt: skip
async def test_a_touch_for_another_view_opens_none(bench: Bench, changes: dict[str, str]):
    """Camera, reason, agency and place are the ones that were asked for."""
    assert await _answer(bench, approval=_view(bench, **changes)) == Code.POLICY_DENIES


async def test_a_touch_that_came_too_late_opens_none(bench: Bench, clock: FakeClock):
    """The request has its own end."""
    approval = _view(bench)
    clock.advance(1800)

    assert await _answer(bench, approval=approval) == Code.POLICY_DENIES


@pytest.mark.parametrize("label", [CLIP_LABEL, POLICY_LABEL])
async def test_a_touch_of_another_kind_opens_no_view(bench: Bench, label: str):
    """The label is checked, whatever the grant says about it."""
    approval = _view(bench, label=label)
    assert await _answer(bench, approval=approval) == Code.POLICY_DENIES
    assert await _answer(bench, approval={**approval, "label": VIEW_LABEL}) == Code.POLICY_DENIES


async def test_a_strangers_touch_opens_no_view(bench: Bench):
    """The passkey must be one of this site's."""
    assert await _answer(bench, approval=_view(bench, SoftPasskey("b"))) == Code.POLICY_DENIES


async def test_suspending_the_passkey_ends_the_view_it_opened(bench: Bench):
    """Every running session is decided again before the ack."""
    assert await _answer(bench, approval=_view(bench)) == "accepted"
    bench.send_policy(_policy(bench, is_suspended=True))

    assert [type(said) for said in bench.heard(m.Message)] == [m.Stopped, m.PolicyAck]


@pytest.fixture
async def manned(bench: Bench) -> tuple[Bench, SoftPasskey]:
    """The same site, where somebody else may answer requests."""
    delegate = SoftPasskey("delegate")
    bench.share_more(dataclasses.replace(_policy(bench), owners=(bench.passkey.owner, delegate.answerer)))
    bench.heard(m.Message)
    return bench, delegate


async def test_whoever_only_answers_opens_a_view(manned: tuple[Bench, SoftPasskey]):
    """Their touch is as good as an owner's for the one view."""
    bench, delegate = manned
    assert await _answer(bench, approval=_view(bench, delegate)) == "accepted"


async def test_whoever_only_answers_releases_a_recording(manned: tuple[Bench, SoftPasskey]):
    """And for the one recording."""
    bench, delegate = manned
    request = clip_request(lineage=bench.agent.policy.position.lineage)
    approval = _approval(delegate, CLIP_LABEL, request, clips.parse(request).sha256)
    assert await _fetch(bench, request, approval) == "accepted"


async def test_whoever_is_suspended_opens_nothing_more_and_what_they_opened_stays(manned: tuple[Bench, SoftPasskey]):
    """They leave; the view that they had answered for goes on to its own end, and no other opens."""
    bench, delegate = manned
    assert await _answer(bench, approval=_view(bench, delegate)) == "accepted"
    gone = dataclasses.replace(delegate.answerer, is_suspended=True)
    bench.send_policy(dataclasses.replace(_policy(bench), owners=(bench.passkey.owner, gone)))

    assert [type(said) for said in bench.heard(m.Message)] == [m.PolicyAck]
    assert await _answer(bench, approval=_view(bench, delegate, request_id="vwr_2")) == Code.POLICY_DENIES


async def test_taking_them_off_the_list_ends_the_view_too(manned: tuple[Bench, SoftPasskey]):
    """A touch whose key the document does not name any more cannot be checked again."""
    bench, delegate = manned
    assert await _answer(bench, approval=_view(bench, delegate)) == "accepted"
    bench.send_policy(_policy(bench))

    assert [type(said) for said in bench.heard(m.Message)] == [m.Stopped, m.PolicyAck]


async def test_a_touch_releases_one_recording_once(bench: Bench):
    """Over the digest of the very request; a second file needs another request."""
    request = clip_request(lineage=bench.agent.policy.position.lineage)
    approval = _approval(bench.passkey, CLIP_LABEL, request, clips.parse(request).sha256)
    other = {**request, "request_id": "clr_2"}

    assert await _fetch(bench, request, None) == Code.POLICY_DENIES
    assert await _fetch(bench, other, approval) == Code.POLICY_DENIES
    assert await _fetch(bench, request, approval) == "accepted"
    assert await _fetch(bench, request, approval) == Code.POLICY_DENIES


async def test_a_no_on_site_beats_a_touch(bench: Bench):
    """Whoever stands at the site has the last word."""
    request = clip_request(lineage=bench.agent.policy.position.lineage)
    approval = _approval(bench.passkey, CLIP_LABEL, request, clips.parse(request).sha256)
    bench.agent.desk.take(m.ClipAsk(id="c", request=request))
    bench.agent.site.decline_clip(clips.parse(request).sha256)

    assert await _fetch(bench, request, approval) == Code.POLICY_DENIES


async def test_a_touch_never_releases_a_recording_without_its_masks(bench: Bench):
    """Unmasked is said on site, of this one recording."""
    masked = build.policy(
        build.rule(acts=ASKED, condition="ask"),
        owners=(bench.passkey.owner,),
        terms=(build.terms(masks=frozenset({"faces"})),),
    )
    bench.share_more(masked)
    request = clip_request(lineage=bench.agent.policy.position.lineage)
    approval = _approval(bench.passkey, CLIP_LABEL, request, clips.parse(request).sha256)
    bench.agent.desk.take(m.ClipAsk(id="c", request=request))
    assert await _fetch(bench, request, approval, ("faces",)) == Code.POLICY_DENIES
    bench.agent.site.approve_clip(clips.parse(request).sha256, PIN, is_unmasked=False)
    assert await _fetch(bench, request, approval, ("faces",)) == Code.POLICY_DENIES
    bench.agent.site.approve_clip(clips.parse(request).sha256, PIN, is_unmasked=True)

    assert await _fetch(bench, request, approval, ("faces",)) == "accepted"
