"""A live view the owner is asked about on site: once for an incident, a yes for one view, a no for good."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent import control
from partner_agent.pin import PinError
from partner_agent.site import ActError
from partner_agent.wire import messages as m
from partner_agent.wire import views
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from partner_agent.wire.frames import decode
from partner_agent.wire.limits import VIEW_APPROVED_S, VIEW_ASKS, VIEW_VOCABULARY
from partner_agent.wire.problems import Code
from policies import vocabulary
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.documents import view_request

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shows nothing live without being asked, with one owner's passkey."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(build.policy(build.rule(condition="ask"), owners=(bench.passkey.owner,)))
        bench.notice.told.clear()
        bench.notice.lines.clear()
        yield bench


def _request(bench: Bench, **changes: Any) -> dict[str, Any]:
    return view_request(**({"lineage": bench.agent.policy.position.lineage} | changes))


def _ask(bench: Bench, request: dict[str, Any]) -> str:
    """Ask; noted, or the code of the problem."""
    bench.heard(m.Message)
    bench.agent.desk.take(m.ViewAsk(id="msg_a", request=request))
    (answer,) = bench.heard(m.Message)
    assert answer.re == "msg_a"
    return answer.code if isinstance(answer, m.Problem) else "noted"


def _digest(request: dict[str, Any]) -> str:
    return views.parse(request).sha256


def _said(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The approval in a grant under the site's own yes."""
    return {"label": VIEW_LABEL, "document": request, "site_token": "t"} | changes


def _touched(bench: Bench, request: dict[str, Any]) -> dict[str, Any]:
    touch = bench.passkey.approve(VIEW_LABEL, _digest(request))
    assertion = {name: getattr(touch, name) for name in touch.__struct_fields__}
    return {"label": VIEW_LABEL, "document": request, "assertion": assertion}


async def _open(bench: Bench, approval: dict[str, Any] | None, **changes: Any) -> str:
    await bench.agent.desk.grant(bench.gateway.grant(bench.body(approval=approval, **changes)))
    await anyio.wait_all_tasks_blocked()
    codes = [bench.claims(item)["code"] for item in bench.heard(m.Message) if isinstance(item, m.Refused)]
    return codes[0] if codes else "accepted"


@pytest.mark.parametrize(
    "changes", [{"site": "sit_2"}, {"partner": "org_2"}, {"lineage": "f" * 32}, {"incident": None}, {"incident": ""},
                {"expires_at": "2026-11-23T17:00:00Z"}, {"created_at": "2026-11-23T14:00:00Z",
                 "expires_at": "2026-11-23T15:00:00Z"}, {"extra": 1}], ids=str,
)  # fmt: skip
async def test_an_ask_that_is_not_for_this_site_is_not_put_before_the_owner(bench: Bench, changes: dict[str, Any]):
    """Check 1: another place, no incident, an hour and more, over, or not closed."""
    assert _ask(bench, _request(bench, **changes)) == Code.GRANT_INVALID

    assert bench.notice.told == []
    assert bench.agent.view_asks.asked() == []
    assert bench.agent.journal.newest(1)[0].kind == "view_ask_refused"


async def test_a_paused_site_is_not_asked(bench: Bench):
    """Check 2: who paused wants to hear nothing, and a yes would be worth nothing."""
    bench.agent.site.pause("cam_1")

    assert _ask(bench, _request(bench)) == Code.PAUSED


async def test_a_camera_that_is_not_shared_is_not_asked_about(bench: Bench):
    """Check 3: asking does not widen what is shared."""
    assert _ask(bench, _request(bench, camera="cam_9")) == Code.NOT_SHARED


async def test_one_incident_asks_an_owner_once(bench: Bench, clock: FakeClock):
    """Check 4: another camera, another reason, a no, or the end of the first ask change nothing about that."""
    first = _request(bench)
    assert _ask(bench, first) == "noted"
    second = _request(bench, request_id="vwr_2", purpose="life_safety")
    assert _ask(bench, second) == Code.LIMIT
    bench.agent.site.decline_view(_digest(first))
    assert _ask(bench, second) == Code.LIMIT
    clock.advance(3600)
    bench.agent.view_asks.sweep()
    later = {"created_at": "2026-11-23T16:00:00Z", "expires_at": "2026-11-23T16:30:00Z"}
    assert _ask(bench, second | later) == Code.LIMIT
    assert bench.notice.told == ["view_ask"]


async def test_a_flood_of_incidents_is_cut_off(bench: Bench):
    """A gateway that invents incidents fills no disk and drowns nobody."""
    answers = [_ask(bench, _request(bench, request_id=f"vwr_{n}", incident=f"inc_{n}")) for n in range(VIEW_ASKS + 5)]

    assert answers == ["noted"] * VIEW_ASKS + [Code.LIMIT] * 5


async def test_the_owner_reads_who_wants_to_see_what_and_until_when(bench: Bench):
    """In this machine's own words and names; the same ask again is no second notice."""
    request = _request(bench)
    assert [_ask(bench, request), _ask(bench, request)] == ["noted", "noted"]

    assert bench.notice.told == ["view_ask"]
    (_, line) = bench.notice.lines
    assert line.startswith("Camera 1: Chicago Police, ")
    assert "incident inc_1. Answer before " in line
    assert line.endswith("no answer is a no.")


async def test_a_newer_notice_repeats_what_still_waits(bench: Bench):
    """Mail keeps the newest notice of a kind, so each names every request that waits."""
    _ask(bench, _request(bench))
    bench.notice.lines.clear()
    _ask(bench, _request(bench, request_id="vwr_2", incident="inc_2"))

    assert [name in " ".join(bench.notice.lines) for name in ("inc_1", "inc_2")] == [True, True]


async def test_a_yes_needs_the_pin(bench: Bench):
    """Nobody who only stands at the machine lets anybody watch."""
    request = _request(bench)
    _ask(bench, request)
    with pytest.raises(PinError):
        bench.agent.site.approve_view(_digest(request), "999999")

    assert await _open(bench, _said(request)) == Code.POLICY_DENIES


async def test_no_answer_opens_nothing(bench: Bench):
    """The gateway's word that the owner agreed is worth nothing, whatever token it brings."""
    request = _request(bench)
    _ask(bench, request)

    assert await _open(bench, _said(request)) == Code.POLICY_DENIES


async def test_a_yes_on_site_opens_one_view(bench: Bench):
    """The one that was asked for, once."""
    request = _request(bench)
    _ask(bench, request)
    bench.agent.site.approve_view(_digest(request), PIN)
    assert await _open(bench, _said(request), camera="cam_2") == Code.POLICY_DENIES
    assert await _open(bench, _said(request), purpose="life_safety") == Code.POLICY_DENIES
    assert await _open(bench, _said(_request(bench, request_id="vwr_2"))) == Code.POLICY_DENIES
    assert await _open(bench, _said(request, label=CLIP_LABEL)) == Code.POLICY_DENIES

    assert await _open(bench, _said(request)) == "accepted"
    assert await _open(bench, _said(request)) == Code.POLICY_DENIES
    assert len(bench.agent.sessions.running) == 1


async def test_a_yes_on_site_waits_five_minutes_for_its_view(bench: Bench, clock: FakeClock):
    """Whoever agreed to somebody watching now did not agree to it later."""
    request = _request(bench)
    _ask(bench, request)
    bench.agent.site.approve_view(_digest(request), PIN)
    clock.advance(VIEW_APPROVED_S)

    assert await _open(bench, _said(request)) == Code.POLICY_DENIES


async def test_a_no_after_a_yes_ends_the_view(bench: Bench):
    """At once, before anything is told to the gateway."""
    request = _request(bench)
    _ask(bench, request)
    bench.agent.site.approve_view(_digest(request), PIN)
    assert await _open(bench, _said(request)) == "accepted"
    bench.agent.site.decline_view(_digest(request))

    assert bench.agent.sessions.running == ()
    with pytest.raises(ActError):
        bench.agent.site.approve_view(_digest(request), PIN)


@pytest.mark.parametrize("by", ["site", "owner"])
async def test_a_no_beats_a_touch_whoever_gave_it(bench: Bench, by: str):
    """Two owners who answer differently: the no holds, and ends what the yes opened."""
    request = _request(bench)
    _ask(bench, request)
    assert await _open(bench, _touched(bench, request)) == "accepted"
    if by == "site":
        bench.agent.site.decline_view(_digest(request))
    else:
        bench.agent.desk.take(m.ViewNo(id="msg_n", request_sha256=_digest(request)))

    assert bench.agent.sessions.running == ()
    assert await _open(bench, _touched(bench, request)) == Code.POLICY_DENIES


async def test_a_no_of_the_gateway_is_taken_in_every_state(bench: Bench):
    """Paused or not, known or not: what takes away is noted."""
    bench.agent.site.pause()
    bench.heard(m.Message)
    bench.agent.desk.take(m.ViewNo(id="msg_n", request_sha256="ab" * 32))

    assert [type(said) for said in bench.heard(m.Message)] == [m.Noted]


async def test_an_ask_and_its_answer_survive_a_restart(bench: Bench):
    """Asked, restarted, answered, restarted before anybody heard: the answer is said again until it is noted."""
    request = _request(bench)
    _ask(bench, request)
    bench.restart()
    async with bench.at_work():
        assert [asked.request.request_id for asked in bench.agent.view_asks.asked()] == ["vwr_1"]
        bench.agent.site.approve_view(_digest(request), PIN)
    bench.restart()
    async with bench.at_work():
        bench.agent.pulse.on_up()
        (answer,) = bench.heard(m.ViewAnswer)
        assert bench.claims(answer)["answer"] == "yes"
        assert (bench.claims(answer)["label"], bench.claims(answer)["digest"]) == (VIEW_LABEL, _digest(request))
        assert await _open(bench, _said(request)) == "accepted"
        bench.agent.desk.take(m.Noted(id="msg_1", re=answer.id))
        bench.agent.accounts.repeat(now=True)
        assert bench.heard(m.ViewAnswer) == []


async def test_an_ask_of_before_is_nothing_after_a_new_lineage(bench: Bench):
    """What is forgotten is forgotten with the questions about it."""
    request = _request(bench)
    _ask(bench, request)
    bench.agent.site.clear("owner", PIN)

    assert bench.agent.view_asks.asked() == []
    with pytest.raises(ActError):
        bench.agent.site.approve_view(_digest(request), PIN)


async def test_an_answer_that_comes_too_late_is_none(bench: Bench, clock: FakeClock):
    """The request has its own end; then it is gone from page and terminal."""
    request = _request(bench)
    _ask(bench, request)
    clock.advance(1800)

    with pytest.raises(ActError):
        bench.agent.site.approve_view(_digest(request), PIN)
    assert control.answer(bench.agent.site, {"do": "status"})["views"] == []


async def test_the_terminal_lists_and_answers_it(bench: Bench):
    """What `lenspact-agent approve` shows and does."""
    request = _request(bench)
    _ask(bench, request)
    (waiting,) = control.answer(bench.agent.site, {"do": "status"})["views"]
    assert (waiting["sha256"], waiting["camera"], waiting["why"]) == (_digest(request), "cam_1", "violent_crime")
    assert control.answer(bench.agent.site, {"do": "view", "subject": waiting["sha256"], "pin": "x"})["ok"] is False
    assert control.answer(bench.agent.site, {"do": "view", "subject": waiting["sha256"], "pin": PIN})["ok"] is True
    assert control.answer(bench.agent.site, {"do": "view_no", "subject": waiting["sha256"]})["ok"] is True

    answers = [line.body["answer"] for line in bench.agent.journal.newest(9) if line.kind == "view_answer"]
    assert answers == ["no", "yes"]


def test_the_messages_are_announced_by_the_vocabulary():
    """An agent that knows them says so in its state, so that the gateway asks no older one."""
    assert vocabulary.VERSION >= VIEW_VOCABULARY
    frame = json.dumps({"id": "msg_x", "request_sha256": "ab", "t": "view_no", "v": 1}, separators=(",", ":"))
    assert decode(frame.encode()) == m.ViewNo(id="msg_x", request_sha256="ab")
