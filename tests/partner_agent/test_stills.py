"""Stills at the site: which are refused, what is signed before a byte leaves, and what they account for."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.ports import MediaError
from partner_agent.wire import classes, statements
from partner_agent.wire import messages as m
from partner_agent.wire.limits import STILL_LABEL, STILL_S, STILL_VOCABULARY
from partner_agent.wire.problems import Code
from policies import vocabulary
from policies.model import Policy
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import Bench
from tests.support.lying_gateway import AGENT, GATEWAY

pytestmark = pytest.mark.anyio
BOTH = frozenset({Act.LIVE_VIEW, Act.STILL_TAKE})


def shared(*, acts: frozenset[Act] = BOTH, **terms: Any) -> Policy:
    """Rules that let stills be taken."""
    return build.policy(build.rule(acts=acts), terms=(build.terms(**terms),))


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shares two cameras, with stills."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(shared())
        yield bench


def still(**changes: Any) -> dict[str, Any]:
    """The claims of a still."""
    place = {"upload_url": "https://gw.example/stills/ses_1", "upload_token": "once", "label": "7K2M-9QXT"}
    return {"act": "still.take", "publish": None, "still": place | changes.pop("place", {}), **changes}


async def answer(bench: Bench, **changes: Any) -> str:
    """What the site answers to a grant."""
    return await given(bench, bench.body(**changes))


async def given(bench: Bench, body: dict[str, Any]) -> str:
    """The same to these very claims."""
    await bench.agent.desk.grant(bench.gateway.grant(body))
    await anyio.wait_all_tasks_blocked()
    bench.said_last = bench.heard(m.Message)
    refused = [said for said in bench.said_last if isinstance(said, m.Refused)]
    return bench.claims(refused[0])["code"] if refused else "accepted"


def account(bench: Bench) -> dict[str, Any]:
    """What the site said of the session that is over."""
    (stopped,) = (said for said in bench.said_last if isinstance(said, m.Stopped))
    return bench.claims(stopped)


async def test_6_a_still_is_an_act_of_its_own(bench: Bench):
    """Who may watch may not therefore keep a picture."""
    bench.share_more(shared(acts=frozenset({Act.LIVE_VIEW})))

    assert await answer(bench, **still()) == Code.POLICY_DENIES
    assert bench.stills.taken == []


@pytest.mark.parametrize("act", ["live.view", "clip.fetch", "recorded.view"])
async def test_6_another_act_takes_no_still(bench: Bench, act: str):
    """The act and the form of a grant belong together."""
    assert await answer(bench, **still(act=act)) == Code.POLICY_DENIES
    assert bench.stills.taken == []


async def test_1_a_grant_is_for_one_thing(bench: Bench):
    """A view and a still in one grant are neither."""
    both = still() | {"publish": bench.body()["publish"]}

    assert await answer(bench, **both) == Code.GRANT_INVALID
    assert await answer(bench, **still(place={"label": ""})) == Code.GRANT_INVALID
    assert await answer(bench, **still(place={"label": "x" * (STILL_LABEL + 1)})) == Code.GRANT_INVALID


async def test_5_a_paused_site_gives_no_still(bench: Bench):
    """The owner's own switch stands before every rule."""
    bench.agent.switches.pause(None, by="site")

    assert await answer(bench, **still()) == Code.PAUSED


async def test_5_a_camera_that_is_gone_gives_no_still(bench: Bench):
    """It is said at once."""
    bench.cameras.become("cam_1", "gone")

    assert await answer(bench, **still()) == Code.CAMERA_UNREACHABLE


async def test_6_a_still_that_owes_an_area_nobody_drew_is_refused(bench: Bench):
    """What cannot be black in it is not shown in it."""
    bench.share_more(shared(masks=frozenset({"window"})))
    obligations = bench.body()["obligations"] | {"masks": ["window"]}

    assert await answer(bench, **still(obligations=obligations)) in {Code.POLICY_DENIES, Code.OBLIGATION_UNKNOWN}
    assert bench.stills.taken == []


async def test_8_a_still_goes_to_a_host_of_the_key_set_alone(bench: Bench):
    """Wherever else the gateway sends it."""
    assert await answer(bench, **still(place={"upload_url": "https://other.example/1"})) == Code.GRANT_INVALID


async def test_a_still_is_signed_before_it_leaves_and_counts_as_a_second(bench: Bench):
    """Digest, size and time under the session and its grant; the account names bytes and a second of the day."""
    body = bench.body(**still())

    assert await given(bench, body) == "accepted"
    (sent,) = bench.stills.sent
    said = statements.check(classes.STILL, sent.statement, bench.device.public, agent=AGENT, gateway=GATEWAY)
    assert (said["session"], said["jti"], said["camera"]) == (body["session"], body["jti"], "cam_1")
    assert said["sha256"] == hashlib.sha256(sent.still.jpeg).hexdigest()
    assert (said["size_bytes"], said["width"], said["height"]) == (len(sent.still.jpeg), 1280, 720)
    assert (sent.url, sent.token) == ("https://gw.example/stills/ses_1", "once")
    assert {name: account(bench)[name] for name in ("reason", "seconds", "bytes")} == {
        "reason": "finished",
        "seconds": 1,
        "bytes": len(sent.still.jpeg),
    }
    assert bench.agent.sessions.usage(None).live_s == 1


async def test_what_is_burned_in_names_the_recipient(bench: Bench):
    """The agency, the person's pseudonym and the words of the grant; the limits are the session's."""
    body = bench.body(**still())
    await given(bench, body)
    ((camera, limits, words),) = bench.stills.taken

    assert camera == "cam_1"
    assert limits.height_lines == body["caps"]["height_lines"]
    assert words[1:] == (body["subject"]["ref"][-8:], "7K2M-9QXT")
    assert body["subject"]["agency"] in {words[0], *bench.agent.identity.agencies}


async def test_a_grant_gives_one_still(bench: Bench):
    """The same grant a second time is refused."""
    body = bench.body(**still())
    await given(bench, body)

    assert await given(bench, body) == Code.REPLAYED
    assert len(bench.stills.sent) == 1


async def test_a_camera_that_gives_nothing_is_accounted_for(bench: Bench):
    """Nothing left, and the cause is told."""
    bench.stills.failure = MediaError(Code.CAMERA_UNREACHABLE, "no picture")

    assert await answer(bench, **still()) == "accepted"
    assert (account(bench)["reason"], account(bench)["bytes"]) == (Code.CAMERA_UNREACHABLE, 0)


async def test_a_pause_meanwhile_ends_a_still_on_its_way(bench: Bench):
    """Nothing is handed over after the owner's switch."""
    bench.stills.gate = anyio.Event()
    await answer(bench, **still())
    bench.agent.switches.pause(None, by="site")
    bench.agent.sessions.decide_again("paused")
    bench.stills.gate.set()
    await anyio.wait_all_tasks_blocked()

    assert bench.stills.sent == []
    (stopped,) = bench.heard(m.Stopped)
    assert bench.claims(stopped)["reason"] == "paused"


async def test_a_still_on_its_way_ends_with_its_lease(bench: Bench):
    """A site that lost its gateway gives nothing more, however slow the way is."""
    bench.stills.gate = anyio.Event()
    await answer(bench, **still())
    bench.clock.advance(STILL_S)
    bench.agent.sessions.tick()

    assert bench.agent.sessions.running == ()


async def test_the_owner_is_told_on_site_where_the_rules_say_now(bench: Bench):
    """In words that name nobody's secrets."""
    obligations = bench.body()["obligations"] | {"notify": "now"}
    await answer(bench, **still(obligations=obligations))

    assert bench.notice.told.count("still") == 1


def test_an_agent_announces_that_it_knows_stills():
    """The gateway sends none to an older one."""
    assert vocabulary.VERSION >= STILL_VOCABULARY
    assert timedelta(seconds=STILL_S) < timedelta(seconds=15)
