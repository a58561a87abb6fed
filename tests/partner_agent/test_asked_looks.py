"""A look at a recording, or a still, that the owner is asked about: a yes gives this person exactly that, once."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent import control
from partner_agent.store import Store
from partner_agent.wire import messages as m
from partner_agent.wire import views
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.limits import ASKED_RANGE_S, ASKED_VOCABULARY, RECORDED_APPROVED_S, VIEW_APPROVED_S
from partner_agent.wire.problems import Code
from policies import vocabulary
from policies.vocabulary import Act
from tests.fakes.clock import START, FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.documents import view_request
from tests.support.lying_gateway import OBLIGATIONS

pytestmark = pytest.mark.anyio
ACTS = frozenset({Act.LIVE_VIEW, Act.RECORDED_VIEW, Act.STILL_TAKE})
UPLOAD = {"upload_url": "https://gw.example/stills/ses_1", "upload_token": "once", "label": "7K2M-9QXT"}


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shows nothing without being asked, with one owner's passkey."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(build.policy(build.rule(acts=ACTS, condition="ask"), owners=(bench.passkey.owner,)))
        bench.notice.lines.clear()
        yield bench


def ago(minutes: float) -> str:
    """So long before now."""
    return to_rfc3339(START - timedelta(minutes=minutes))


def of(kind: Act, bench: Bench, **changes: Any) -> dict[str, Any]:
    """A request for this act; of a recording, from eight minutes ago to four."""
    usual: dict[str, Any] = {"lineage": bench.agent.policy.position.lineage, "request_id": f"vwr_{kind}"}
    if kind is not Act.LIVE_VIEW:
        usual |= {"act": kind.value, "who": "per_1"}
    if kind is Act.RECORDED_VIEW:
        usual |= {"from": ago(8), "to": ago(4)}
    return view_request(**(usual | changes))


def put(bench: Bench, request: dict[str, Any]) -> str:
    """Ask; noted, or the code of the problem."""
    bench.heard(m.Message)
    bench.agent.desk.take(m.ViewAsk(id="msg_a", request=request))
    (answer,) = bench.heard(m.Message)
    return answer.code if isinstance(answer, m.Problem) else "noted"


def digest(request: dict[str, Any]) -> str:
    """What is approved."""
    return views.parse(request).sha256


def said_yes(bench: Bench, request: dict[str, Any]) -> dict[str, Any]:
    """Ask, let the owner say yes on site, and give the approval that a grant carries then."""
    assert put(bench, request) == "noted"
    bench.agent.site.approve_view(digest(request), PIN)
    return {"label": VIEW_LABEL, "document": request, "site_token": "t"}


def touched(bench: Bench, request: dict[str, Any]) -> dict[str, Any]:
    """An owner's touch over a request, which the site may never have heard of."""
    touch = bench.passkey.approve(VIEW_LABEL, digest(request))
    return {
        "label": VIEW_LABEL,
        "document": request,
        "assertion": {name: getattr(touch, name) for name in touch.__struct_fields__},
    }


def claims(act: Act, begin: float = 8, end: float = 4) -> dict[str, Any]:
    """What a grant of this act says beside the usual."""
    if act is Act.RECORDED_VIEW:
        seconds = max(1, round((begin - end) * 60))
        caps, owed = {"seconds": seconds, "height_lines": 720}, OBLIGATIONS | {"max_s": seconds}
        return {"act": act.value, "recorded": {"from": ago(begin), "to": ago(end)}, "caps": caps, "obligations": owed}
    if act is Act.STILL_TAKE:
        return {"act": act.value, "publish": None, "still": UPLOAD}
    return {}


async def given(bench: Bench, act: Act, approval: dict[str, Any] | None, **changes: Any) -> str:
    """What the site answers to a grant of this act under this approval."""
    span = {name: changes.pop(name) for name in ("begin", "end") if name in changes}
    body = bench.body(approval=approval, **(claims(act, **span) | changes))
    await bench.agent.desk.grant(bench.gateway.grant(body))
    await anyio.wait_all_tasks_blocked()
    codes = [bench.claims(item)["code"] for item in bench.heard(m.Message) if isinstance(item, m.Refused)]
    return codes[0] if codes else "accepted"


# --- how long it is good for


@pytest.mark.parametrize("act", sorted(ACTS))
async def test_a_yes_to_a_request_of_a_time_to_come_is_none(bench: Bench, clock: FakeClock, act: Act):
    """Two dates an hour apart say nothing of today: a yes is good within the hour its request names, not before."""
    later = {
        "created_at": to_rfc3339(START + timedelta(days=20)),
        "expires_at": to_rfc3339(START + timedelta(days=20.03)),
    }
    request = of(act, bench, **later)
    assert put(bench, request) != "noted"
    assert await given(bench, act, touched(bench, request)) == Code.POLICY_DENIES


async def test_a_recording_that_was_not_there_when_it_was_asked_for_is_not_asked_for(bench: Bench, clock: FakeClock):
    """Though by the clock of the day it is shown it is past: whoever said yes could not know what is on it."""
    request = of(Act.RECORDED_VIEW, bench, **{"from": ago(-60), "to": ago(-64)})
    with pytest.raises(views.ViewRequestError, match="not there"):
        views.parse(request)


@pytest.mark.parametrize("act", sorted(ACTS))
async def test_a_yes_to_one_agency_is_none_to_another_that_it_looks_for(bench: Bench, act: Act):
    """Whoever it is given on behalf of was not in the question."""
    usual = bench.body()["subject"]
    subject = usual | {"on_behalf_of": "Immigration Enforcement"}

    assert await given(bench, act, touched(bench, of(act, bench)), subject=subject) != "accepted"
    assert await given(bench, act, touched(bench, of(act, bench, request_id="vwr_2")), subject=usual) == "accepted"


# --- what is asked


@pytest.mark.parametrize(
    ("act", "changes"),
    [
        (Act.RECORDED_VIEW, {"from": ago(4), "to": ago(8)}),
        (Act.RECORDED_VIEW, {"from": ago(4), "to": ago(4)}),
        (Act.RECORDED_VIEW, {"from": ago(4 + (ASKED_RANGE_S + 1) / 60), "to": ago(4)}),
        (Act.RECORDED_VIEW, {"from": ago(3), "to": ago(-3)}),
        (Act.RECORDED_VIEW, {"from": "yesterday", "to": ago(4)}),
        (Act.RECORDED_VIEW, {"who": ""}),
        (Act.STILL_TAKE, {"from": ago(8), "to": ago(4)}),
        (Act.STILL_TAKE, {"from": ago(8)}),
        (Act.STILL_TAKE, {"act": "clip.fetch"}),
        (Act.STILL_TAKE, {"act": "all"}),
        (Act.LIVE_VIEW, {"act": "live.view"}),
        (Act.LIVE_VIEW, {"from": ago(8), "to": ago(4)}),
    ],
    ids=str,
)
async def test_a_request_that_is_none_is_not_put_before_the_owner(bench: Bench, act: Act, changes: dict[str, Any]):
    """Times, acts and persons that do not go together, what has not happened yet, and a second form of the same."""
    assert put(bench, of(act, bench, **changes)) == Code.GRANT_INVALID
    assert bench.agent.view_asks.asked() == []


async def test_each_act_is_asked_once_for_an_incident(bench: Bench):
    """Who was asked for a live view may be asked for the recording and for a still, each once."""
    for act in ACTS:
        assert put(bench, of(act, bench)) == "noted"
    for act in ACTS:
        assert put(bench, of(act, bench, request_id=f"vwr_2_{act}")) == Code.LIMIT


async def test_the_owner_reads_exactly_what_is_asked_for(bench: Bench):
    """The range on this machine's clock, or that it is one picture; in the notice, the terminal and the journal."""
    for act in (Act.RECORDED_VIEW, Act.STILL_TAKE):
        put(bench, of(act, bench))

    start, end = (START - timedelta(minutes=n) for n in (8, 4))
    said = f"from {start.astimezone():%H:%M:%S} to {end.astimezone():%H:%M:%S %Z}, once"
    assert any("Chicago Police, one still picture, " in line for line in bench.notice.lines)
    assert any(said in line for line in bench.notice.lines)
    waiting = control.answer(bench.agent.site, {"do": "status"})["views"]
    assert [item["what"].endswith(said) for item in waiting] == [False, True]
    line = next(line for line in bench.agent.journal.newest(9) if line.body.get("act") == "recorded.view")
    assert (line.body["from"], line.body["to"], line.body["who"]) == (ago(8), ago(4), "per_1")


# --- what a yes gives


@pytest.mark.parametrize("act", sorted(ACTS))
async def test_silence_and_a_no_give_nothing(bench: Bench, act: Act):
    """Whatever word the gateway says it has; and a no beats a touch."""
    request = of(act, bench)
    put(bench, request)
    assert await given(bench, act, {"label": VIEW_LABEL, "document": request, "site_token": "t"}) == Code.POLICY_DENIES
    bench.agent.site.decline_view(digest(request))

    assert await given(bench, act, touched(bench, request)) == Code.POLICY_DENIES
    assert await given(bench, act, None) == Code.POLICY_DENIES


@pytest.mark.parametrize("asked", sorted(ACTS))
@pytest.mark.parametrize("how", [said_yes, touched])
async def test_a_yes_to_one_act_is_none_to_another(bench: Bench, asked: Act, how: Any):
    """A lying gateway cannot turn a yes to a live view into a recording or a still, nor the other way round."""
    yes = how(bench, of(asked, bench))
    for act in sorted(ACTS - {asked}):
        assert await given(bench, act, yes) == Code.POLICY_DENIES

    assert await given(bench, asked, yes) == "accepted"
    assert await given(bench, asked, yes) == Code.POLICY_DENIES  # once


@pytest.mark.parametrize(
    ("begin", "end", "said"),
    [(8.1, 4, Code.POLICY_DENIES), (8, 3.9, Code.POLICY_DENIES), (9, 3, Code.POLICY_DENIES),
     (3.9, 2, Code.POLICY_DENIES), (8, 4, "accepted"), (7, 5, "accepted")],
)  # fmt: skip
@pytest.mark.parametrize("how", [said_yes, touched])
async def test_a_yes_to_a_recording_gives_no_more_than_its_range(
    bench: Bench, begin: float, end: float, said: str, how: Any
):
    """Not a second before, not a second after, whoever asks for it under that yes; the player gets no more either."""
    yes = how(bench, of(Act.RECORDED_VIEW, bench))

    assert await given(bench, Act.RECORDED_VIEW, yes, begin=begin, end=end) == said
    assert [(to_rfc3339(one.span.start), to_rfc3339(one.span.end)) for one in bench.players.players] == (
        [(ago(begin), ago(end))] if said == "accepted" else []
    )


@pytest.mark.parametrize("act", [Act.RECORDED_VIEW, Act.STILL_TAKE])
@pytest.mark.parametrize(
    "changes",
    [
        {"subject": {"ref": "per_2", "agency": build.AGENCY, "unit": "rtcc", "role": "operator", "assurance": 2}},
        {"camera": "cam_2"},
        {"purpose": "life_safety"},
    ],
    ids=["person", "camera", "purpose"],
)
async def test_a_yes_is_to_this_person_camera_and_reason(bench: Bench, act: Act, changes: dict[str, Any]):
    """Somebody else of the same agency has to ask for themselves."""
    yes = said_yes(bench, of(act, bench))

    assert await given(bench, act, yes, **changes) == Code.POLICY_DENIES
    assert await given(bench, act, yes) == "accepted"


async def test_a_request_that_was_widened_after_the_yes_was_never_asked(bench: Bench):
    """The digest is of the range too: another range is another request, which nobody answered."""
    request = of(Act.RECORDED_VIEW, bench)
    said_yes(bench, request)
    wider = request | {"from": ago(9)}

    assert (
        await given(bench, Act.RECORDED_VIEW, {"label": VIEW_LABEL, "document": wider, "site_token": "t"}, begin=9)
        == Code.POLICY_DENIES
    )
    forged = touched(bench, request) | {"document": wider}
    assert await given(bench, Act.RECORDED_VIEW, forged, begin=9) == Code.POLICY_DENIES


@pytest.mark.parametrize("act", [Act.RECORDED_VIEW, Act.STILL_TAKE])
async def test_a_yes_waits_five_minutes(bench: Bench, clock: FakeClock, act: Act):
    """Whoever agreed to it now did not agree to it later."""
    yes = said_yes(bench, of(act, bench))
    clock.advance(VIEW_APPROVED_S)

    assert await given(bench, act, yes) == Code.POLICY_DENIES


async def test_a_recording_under_a_yes_ends_with_its_time(bench: Bench, clock: FakeClock):
    """A quarter of an hour from its acceptance, whatever the grant and the leases say."""
    yes = said_yes(bench, of(Act.RECORDED_VIEW, bench))
    assert await given(bench, Act.RECORDED_VIEW, yes) == "accepted"
    (running,) = bench.agent.sessions.running
    bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[0].hex()))
    for _ in range(RECORDED_APPROVED_S // 5):
        assert bench.agent.sessions.running == (running,)
        pair = (running.grant.session, running.grant.jti)
        bench.agent.sessions.lease(bench.gateway.lease(bench.fresh(), pair).token)
        clock.advance(5)
        bench.agent.sessions.tick()

    assert bench.agent.sessions.running == ()


async def test_a_no_ends_the_recording_that_a_yes_opened(bench: Bench):
    """At once."""
    request = of(Act.RECORDED_VIEW, bench)
    assert await given(bench, Act.RECORDED_VIEW, said_yes(bench, request)) == "accepted"
    bench.agent.site.decline_view(digest(request))

    assert bench.agent.sessions.running == ()


# --- what was there before


async def test_a_request_to_watch_live_is_written_as_it_was_before_there_were_others(bench: Bench):
    """So that an agent which knows no other reads it, and its digest is the same."""
    request = of(Act.LIVE_VIEW, bench)

    assert not {"act", "who", "from", "to"} & request.keys()
    assert put(bench, request) == "noted"
    assert vocabulary.VERSION >= ASKED_VOCABULARY


async def test_a_file_of_before_keeps_what_was_asked_and_answered(tmp_path: Path):
    """An incident that asked for a live view asked for it still, and can ask for the recording now."""
    path = tmp_path / "agent.db"
    before = sqlite3.connect(path)
    before.executescript(
        "CREATE TABLE view_ask (sha256 TEXT PRIMARY KEY, raw TEXT NOT NULL, lineage TEXT NOT NULL,"
        " incident TEXT NOT NULL, until_ms INTEGER NOT NULL, answer TEXT CHECK (answer IN ('yes', 'no')),"
        " answered_ms INTEGER, UNIQUE (lineage, incident)) STRICT;"
        "INSERT INTO view_ask VALUES ('a', '{}', 'l', 'inc_1', 7, 'no', 5)"
    )
    before.close()
    for _ in range(2):  # and once more, when it is as it should be
        Store(path).close()
    store = Store(path)

    assert [tuple(row) for row in store.rows("SELECT * FROM view_ask")] == [
        ("a", "{}", "l", "inc_1", 7, "no", 5, "live.view")
    ]
    with store.transaction() as db:
        db.execute(
            "INSERT INTO view_ask (sha256, raw, lineage, incident, until_ms, act)"
            " VALUES ('b', '{}', 'l', 'inc_1', 7, 'recorded.view')"
        )
    store.close()
