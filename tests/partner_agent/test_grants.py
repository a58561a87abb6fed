"""The gate: each numbered check refuses with its code before the next is looked at; then what passes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from partner_agent.ports import Limits
from partner_agent.questions import owes_more
from partner_agent.wire import grants
from partner_agent.wire import messages as m
from partner_agent.wire.limits import INCIDENT_MOVES, MAX_OUTSTANDING_PROMISES
from partner_agent.wire.problems import Code
from partner_agent.wire.tokens import LocalSigner
from policies.model import Totals
from policies.request import Caps
from policies.vocabulary import Act, Obligation
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.lying_gateway import AGENT, GATEWAY

pytestmark = pytest.mark.anyio
LOUD = {"seconds": 300, "height_lines": 720, "audio": True}


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shares two cameras live."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share()
        yield bench


async def _answer(bench: Bench, message: m.Grant) -> str:
    await bench.agent.desk.grant(message)
    await anyio.wait_all_tasks_blocked()
    refused = bench.heard(m.Message)
    codes = [bench.claims(item)["code"] for item in refused if isinstance(item, m.Refused)]
    return codes[0] if codes else "accepted"


async def _sent(bench: Bench, **changes: Any) -> str:
    return await _answer(bench, bench.gateway.grant(bench.body(**changes)))


# --- 1


async def test_1_a_grant_by_another_key_is_invalid(bench: Bench):
    """Only the key set's grant key can ask."""
    message = bench.gateway.grant(bench.body(), signer=LocalSigner.generate("Ed25519"))

    assert await _answer(bench, message) == Code.GRANT_INVALID


async def test_1_the_lease_key_cannot_grant(bench: Bench):
    """Each key of the gateway is for one class."""
    message = bench.gateway.grant(bench.body(), signer=bench.gateway.keys["lease"])

    assert await _answer(bench, message) == Code.GRANT_INVALID


async def test_1_a_revoked_key_opens_nothing(bench: Bench):
    """A key that the next key set leaves out signs in vain."""
    old = bench.gateway.keys["grant"]
    bench.gateway.keys["grant"] = LocalSigner.generate("Ed25519")
    following = bench.gateway.next_key_set(bench.gateway.key_set)
    bench.agent.desk.take(m.KeySets(id="msg_k", tokens=[following.token]))

    assert await _answer(bench, bench.gateway.grant(bench.body(), signer=old)) == Code.GRANT_INVALID


async def test_1_a_grant_for_another_agent_is_invalid(bench: Bench):
    """What another site was asked means nothing here."""
    message = bench.gateway.grant(bench.body(), claims_changes={"aud": "agt_2"})

    assert await _answer(bench, message) == Code.GRANT_INVALID


async def test_1_a_grant_for_another_lineage_is_invalid(bench: Bench):
    """What was granted before the state was lost is void."""
    assert await _sent(bench, lineage="0" * 32) == Code.GRANT_INVALID


async def test_1_an_expired_grant_is_invalid(bench: Bench, clock: FakeClock):
    """A grant held back past its own end and the leeway is void."""
    message = bench.gateway.grant(bench.body())
    clock.step_wall(91)

    assert await _answer(bench, message) == Code.GRANT_INVALID


async def test_1_a_quarantined_agent_refuses(bench: Bench):
    """In quarantine nothing is released."""
    bench.agent.switches.quarantine("test")

    assert await _sent(bench) == Code.QUARANTINED


async def test_1_a_clock_that_went_back_refuses(bench: Bench, clock: FakeClock):
    """More than 30 s behind the highest synchronised time is clock_skew, not expiry."""
    await _sent(bench, lineage="0" * 32)
    clock.step_wall(-3600)

    assert await _sent(bench) == Code.CLOCK_SKEW


async def test_1_a_clock_without_a_source_refuses(bench: Bench):
    """Before any source has synchronised the clock, windows cannot be judged."""
    bench.sync.synced = False
    bench.restart()
    async with bench.at_work():
        assert await _sent(bench) == Code.CLOCK_SKEW


# --- 2


async def test_2_a_fresh_of_another_link_is_replayed(bench: Bench):
    """A `fresh` dies with its link."""
    fresh = bench.fresh()
    bench.agent.fresh.forget()

    assert await _sent(bench, fresh=fresh) == Code.REPLAYED


async def test_2_a_fresh_older_than_a_minute_is_replayed(bench: Bench, clock: FakeClock):
    """Its age counts on the monotonic clock, whatever the wall clock says."""
    fresh = bench.fresh()
    clock.advance(61)

    assert await _sent(bench, fresh=fresh) == Code.REPLAYED


async def test_2_an_invented_fresh_is_replayed(bench: Bench):
    """The value must be one this agent sent."""
    assert await _sent(bench, fresh="00" * 16) == Code.REPLAYED


# --- 3


async def test_3_a_grant_is_accepted_once(bench: Bench):
    """The same grant again is a replay, even while its session runs."""
    message = bench.gateway.grant(bench.body())

    assert await _answer(bench, message) == "accepted"
    assert await _answer(bench, message) == Code.REPLAYED


async def test_3_a_jti_survives_a_restart(bench: Bench):
    """What was used is on disk before it is answered."""
    body = bench.body()
    assert await _answer(bench, bench.gateway.grant(body)) == "accepted"
    bench.restart()
    async with bench.at_work():
        again = bench.gateway.grant(bench.body(jti=body["jti"]))

        assert await _answer(bench, again) == Code.REPLAYED


async def test_3_an_ended_session_never_runs_again(bench: Bench):
    """A new grant for an old session is a replay."""
    body = bench.body()
    await _answer(bench, bench.gateway.grant(body))
    bench.agent.sessions.end(body["session"], "asked")

    assert await _sent(bench, session=body["session"]) == Code.REPLAYED


async def test_3_a_refused_grant_cannot_be_accepted_later(bench: Bench):
    """A refusal closes its grant: after the pause the same grant is a replay."""
    message = bench.gateway.grant(bench.body())
    bench.agent.site.pause()
    assert await _answer(bench, message) == Code.PAUSED
    bench.agent.switches.resume()

    assert await _answer(bench, message) == Code.REPLAYED


async def test_3_a_grant_refused_for_the_clock_cannot_be_accepted_later(bench: Bench, clock: FakeClock):
    """Every refusal of a real grant closes it: once the clock is right again, the same grant is a replay."""
    assert await _sent(bench, lineage="0" * 32) == Code.GRANT_INVALID
    clock.step_wall(-3600)
    message = bench.gateway.grant(bench.body())
    assert await _answer(bench, message) == Code.CLOCK_SKEW
    bench.agent.site.clear("clock_skew", PIN)

    assert await _answer(bench, message) == Code.REPLAYED


# --- 4


async def test_4_a_grant_under_an_old_document_is_stale(bench: Bench):
    """The gateway is told, signed, which document is in force."""
    old = bench.agent.policy.position
    bench.send_policy(build.policy(build.rule(), hold_s=7200))

    message = bench.gateway.grant(bench.gateway.body(old, bench.fresh()))
    bench.heard(m.Message)
    await bench.agent.desk.grant(message)
    said = bench.heard(m.Message)

    codes = [bench.claims(item) for item in said]
    assert [claims.get("code") for claims in codes] == [Code.POLICY_STALE, None]
    assert codes[1]["seq"] == 2


# --- 5


async def test_5_a_camera_that_is_not_ticked_is_not_shared(bench: Bench):
    """A camera the document does not name is not shared, though the site knows it."""
    bench.send_policy(build.policy(build.rule(), cameras=(build.camera(),), groups=()))

    assert await _sent(bench, camera="cam_2") == Code.NOT_SHARED


async def test_5_a_camera_that_is_not_present_is_not_shared(bench: Bench):
    """A camera the document names but the site no longer knows cannot be shown."""
    bench.cameras.infos = bench.cameras.infos[1:]

    assert await _sent(bench) == Code.NOT_SHARED


@pytest.mark.parametrize(
    ("state", "code"), [("gone", Code.CAMERA_UNREACHABLE), ("auth_failed", Code.CAMERA_AUTH)], ids=str
)
async def test_5_a_camera_that_cannot_be_opened_is_said(bench: Bench, state: str, code: Code):
    """The technical cause is told apart from a refusal by rule."""
    bench.cameras.become("cam_1", state)

    assert await _sent(bench) == code


@pytest.mark.parametrize("camera", [None, "cam_1"])
async def test_5_a_paused_site_or_camera_refuses(bench: Bench, camera: str | None):
    """Pause of the site, or of this camera, stops it."""
    bench.agent.site.pause(camera)

    assert await _sent(bench) == Code.PAUSED


# --- 6


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "property_crime"},
        {"purpose": "immigration"},
        {"purpose": "teleport"},
        {"act": "clip.fetch"},
        {"act": "live.audio"},
        {"caps": {"seconds": 601, "height_lines": 720}},
        {"caps": {"seconds": 300, "height_lines": 2160}},
        {"caps": {"seconds": 300, "height_lines": 720, "audio": True}},
        {"facts": {"technology": "face_matching"}},
        {"subject": {"ref": "per_1", "agency": "age_2", "unit": "rtcc", "role": "operator"}},
    ],
    ids=str,
)
async def test_6_the_owners_document_is_stricter_than_the_gateway_thinks(bench: Bench, changes: dict[str, Any]):
    """Whatever the gateway decided, the site decides again by the document it holds, and writes it down."""
    assert await _sent(bench, **changes) == Code.POLICY_DENIES
    line = bench.agent.journal.newest(1)[0]
    assert (line.kind, line.body["check"]) == ("refused", 6)


async def test_6_the_distance_is_measured_from_the_sites_own_coordinates(bench: Bench):
    """A stated cell two kilometres away does not satisfy near:300."""
    bench.share_more(build.policy(build.rule(condition="near:300")))
    far = bench.body()["incident"] | {"cell": [bench.body()["incident"]["cell"][0] + 20, -87630]}

    assert await _sent(bench, incident=far) == Code.POLICY_DENIES
    assert await _sent(bench) == "accepted"


async def test_6_a_window_is_judged_by_the_sites_own_clock(bench: Bench, clock: FakeClock):
    """After closing time the answer is no, though the grant claims another time."""
    bench.share_more(build.policy(build.rule(window="office")))
    assert await _sent(bench) == "accepted"
    clock.advance(10 * 3600)

    assert await _sent(bench) == Code.POLICY_DENIES


@pytest.mark.parametrize(
    "change",
    [
        {"watermark": None},
        {"max_s": 301},
        {"max_height_lines": 1080},
        {"audio_off": None},
        {"notify": "digest"},
        {"blur_faces": True},
    ],
    ids=str,
)
async def test_6_an_obligation_left_out_loosened_or_unknown_is_refused(bench: Bench, change: dict[str, Any]):
    """The grant must carry every obligation the site derives, at least as strictly, and none it does not know."""
    carried = {k: v for k, v in {**bench.body()["obligations"], **change}.items() if v is not None}

    assert await _sent(bench, obligations=carried) == Code.OBLIGATION_UNKNOWN


async def test_6_a_mask_that_cannot_be_drawn_is_refused(bench: Bench):
    """If the publisher cannot keep what it would owe, nothing is sent."""
    bench.publisher.code = Code.CODEC_UNSUPPORTED

    assert await _sent(bench) == Code.CODEC_UNSUPPORTED


async def test_6_the_days_total_is_the_sites_own_count(bench: Bench):
    """Once the owner's seconds for a day are used, the next view is refused."""
    bench.send_policy(build.policy(build.rule(), totals=Totals(300, 300, 1)))
    assert await _sent(bench) == "accepted"

    assert await _sent(bench) == Code.POLICY_DENIES


# --- 7


@pytest.mark.parametrize("field", ["camera", "act", "purpose", "policy_sha256", "grant_sha256"])
async def test_7_a_leaf_about_something_else_is_refused(bench: Bench, field: str):
    """The public log must say what really happened."""
    message = bench.gateway.grant(bench.body(), leaf_changes={field: "other"})

    assert await _answer(bench, message) == Code.PROMISE_INVALID


async def test_7_one_leaf_serves_one_grant(bench: Bench):
    """A second grant, alike but for its id, cannot hide behind the entry of the first."""
    body = bench.body()
    first = bench.gateway.grant(body)
    assert await _answer(bench, first) == "accepted"
    leaf = grants.parse(first.token, (bench.gateway.keys["grant"].public,), gateway=GATEWAY, agent=AGENT, now=None)
    hidden = bench.gateway.grant({**body, "jti": "grt_x", "session": "ses_x"}, leaf=leaf.grant.leaf)

    assert await _answer(bench, hidden) == Code.PROMISE_INVALID


@pytest.mark.parametrize("change", [{"leaf_hash": "ab" * 32}, {"origin": "other/log"}, {"gateway": "other"}], ids=str)
async def test_7_a_promise_about_something_else_is_refused(bench: Bench, change: dict[str, str]):
    """The promise must be this log's, about this leaf."""
    message = bench.gateway.grant(bench.body(), promise_changes=change)

    assert await _answer(bench, message) == Code.PROMISE_INVALID


async def test_7_an_overdue_promise_refuses_everything(bench: Bench, clock: FakeClock):
    """A log that did not keep its word gets no further picture, until the site clears it."""
    assert await _sent(bench) == "accepted"
    clock.advance(61)
    bench.agent.sessions.tick()

    assert await _sent(bench) == Code.PROMISE_OVERDUE
    bench.agent.site.clear("promise_overdue", "246810")
    assert await _sent(bench) == "accepted"


# --- 8


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://gw.example/whip/1", "93.184.216.34"),
        ("https://evil.example/whip/1", "93.184.216.34"),
        ("https://gw.example:444/whip/1", "93.184.216.34"),
        ("https://gw.example/whip/1", "192.168.1.10"),
        ("https://gw.example/whip/1", "169.254.169.254"),
        ("https://gw.example/whip/1", "127.0.0.1"),
        ("https://gw.example/whip/1", "::ffff:10.0.0.1"),
        ("https://gw.example/whip/1", "fd00::1"),
        ("http://localhost:9/whip/1", "127.0.0.1"),
    ],
)
async def test_8_the_gateway_cannot_point_into_the_owners_network(bench: Bench, url: str, address: str):
    """Other schemes, hosts, ports, and private, link-local or loopback addresses are refused."""
    bench.resolver.names |= {"gw.example": address, "evil.example": address}
    publish = bench.body()["publish"] | {"whip_url": url}

    assert await _sent(bench, publish=publish) == Code.GRANT_INVALID


async def test_8_an_unknown_relay_is_refused(bench: Bench):
    """The relay's certificate must be one the root has named."""
    publish = bench.body()["publish"] | {"relay_fingerprint": "00"}

    assert await _sent(bench, publish=publish) == Code.GRANT_INVALID


async def test_8_at_most_sixteen_promises_are_outstanding(bench: Bench):
    """A gateway that proves nothing gets sixteen releases, and then a proof comes first."""
    for _ in range(MAX_OUTSTANDING_PROMISES):
        body = bench.body()
        assert await _answer(bench, bench.gateway.grant(body)) == "accepted"
        bench.agent.sessions.end(body["session"], "asked")
    fresh = bench.fresh()

    assert await _sent(bench, fresh=fresh) == Code.LIMIT
    bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[0].hex()))
    assert await _sent(bench, fresh=fresh) == "accepted"


# --- all


async def test_a_good_grant_is_accepted_and_published(bench: Bench):
    """The answer names grant, session and the agent's certificate; the uplink gets the tightest limits."""
    message = await bench.send_grant()

    claims = bench.token(m.Accepted)
    assert (claims["re"], claims["fingerprint"]) == (message.id, bench.publisher.fingerprint)
    (order,) = bench.publisher.orders
    assert (order.camera, order.limits.seconds, order.limits.height_lines) == ("cam_1", 300, 720)
    assert not order.limits.audio


async def test_sound_leaves_where_grant_and_own_rules_both_give_it(bench: Bench):
    """Asked for in the grant and given by the owner's document; a grant that does not ask is silent there too."""
    bench.share(build.policy(build.rule("sound", acts=frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO}))))

    owed = {name: value for name, value in bench.body()["obligations"].items() if name != Obligation.AUDIO_OFF}

    assert await _sent(bench, caps=LOUD, obligations=owed) == "accepted"
    assert await _sent(bench, caps=LOUD) == "accepted"  # a gateway that says both owes the stricter
    assert await _sent(bench) == "accepted"

    assert [order.limits.audio for order in bench.publisher.orders] == [True, False, False]
    said = [line.body.get("sound") for line in bench.agent.journal.all() if line.kind == "accepted"]
    assert said == [True, None, None]


def test_a_running_view_with_sound_owes_more_once_it_would_be_silent():
    """It ends then: a running view is not changed."""
    caps, sent = Caps(60, 720, audio=True), Limits(60, 720, audio=True, ptz=False, masks=frozenset())
    grant = cast(
        "Any",
        SimpleNamespace(caps=SimpleNamespace(seconds=60, height_lines=720, audio=True, ptz=False), obligations={}),
    )
    permit = cast("Any", SimpleNamespace(caps=caps, obligations={}))
    silenced = cast("Any", SimpleNamespace(caps=caps, obligations={Obligation.AUDIO_OFF: True}))

    assert not owes_more(permit, grant, sent)
    assert owes_more(silenced, grant, sent)
    assert not owes_more(silenced, grant, replace(sent, audio=False))


async def test_every_refusal_is_repeated_until_noted(bench: Bench):
    """A refusal closes its grant, so it must arrive."""
    await _sent(bench, purpose="teleport")
    bench.agent.accounts.repeat(now=True)
    (again,) = bench.heard(m.Refused)
    bench.agent.desk.take(m.Noted(id="msg_n", re=again.id))
    bench.agent.accounts.repeat(now=True)

    assert bench.heard(m.Refused) == []


@pytest.mark.parametrize(("moves", "has_moved"), [(INCIDENT_MOVES + 1, True), (-1, False), (0, True)])
async def test_6_an_incident_moves_only_so_often(bench: Bench, moves: int, has_moved: bool):
    """Past the cap, less than nothing, or elsewhere without a move: refused, though moving ones count here."""
    bench.share_more(build.policy(build.rule(condition="near:300", is_moving=True)))
    moved = bench.body()["incident"] | {"moves": moves, "has_moved": has_moved}

    assert await _sent(bench, incident=moved) == Code.POLICY_DENIES


@pytest.mark.parametrize("is_moving", [False, True])
async def test_6_a_moving_incident_needs_the_owners_word(bench: Bench, is_moving: bool):
    """Within the cap it is for the owner to say whether an incident that moved here counts."""
    bench.share_more(build.policy(build.rule(condition="near:300", is_moving=is_moving)))
    moved = bench.body()["incident"] | {"moves": 1, "has_moved": True}

    assert await _sent(bench, incident=moved) == ("accepted" if is_moving else Code.POLICY_DENIES)


async def test_an_uplink_is_told_which_views_are_opening(bench: Bench):
    """What is accepted and does not run yet needs its part of the site, too; what runs, and a still, does not count."""
    assert await _sent(bench) == "accepted"
    assert await _sent(bench) == "accepted"
    assert list(bench.publisher.opening) == []
    bench.publisher.gate = anyio.Event()
    body = bench.body()
    assert await _answer(bench, bench.gateway.grant(body)) == "accepted"

    assert await _sent(bench) == "accepted"

    assert [camera for camera, _limits in bench.publisher.opening] == [body["camera"]]
    bench.publisher.gate.set()
