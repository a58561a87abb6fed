"""A gateway that lies with every key it holds: which check stops it, and that the owner's own record says so."""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.wire import messages as m
from partner_agent.wire import views
from partner_agent.wire.check_messages import ConnectionCheck, ConnectionChecked
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL, Position
from partner_agent.wire.frames import decode
from partner_agent.wire.limits import CHECKS_AN_HOUR
from partner_agent.wire.problems import Code, PolicyProblem
from partner_agent.wire.tokens import LocalSigner
from partner_agent.wire.touches import Assertion
from partner_agent.wire.touches import Path as TouchPath
from policies.model import Group
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import Bench
from tests.support.documents import clip_request, view_request
from tests.support.passkeys import PRESENT, SoftPasskey

pytestmark = pytest.mark.anyio
HOUR_S = 3600


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shares live pictures of an active incident, with one owner's passkey."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(_policy(bench))
        yield bench


def _policy(bench: Bench, *rules: Any, **changes: Any):
    return build.policy(*(rules or (build.rule(condition="any"),)), **{"owners": (bench.passkey.owner,), **changes})


def _wider(bench: Bench):
    return _policy(bench, build.rule(condition="any"), build.rule("r2", acts=frozenset({Act.CLIP_FETCH})))


async def _grant(bench: Bench, message: m.Grant) -> str:
    bench.heard(m.Message)
    await bench.agent.desk.grant(message)
    await anyio.wait_all_tasks_blocked()
    codes = [bench.claims(item)["code"] for item in bench.heard(m.Message) if isinstance(item, m.Refused)]
    return codes[0] if codes else "accepted"


def _record(bench: Bench, kind: str) -> dict[str, Any]:
    """The newest line of this kind in the owner's own record, which is whole."""
    assert bench.agent.journal.first_broken() is None
    return next(line.body for line in bench.agent.journal.newest(20) if line.kind == kind)


def _code(bench: Bench, answer: m.Message) -> str:
    return bench.claims(answer)["code"]


# --- grants


@pytest.mark.parametrize("key", ["lease", "promise", "link", "stranger"])
async def test_1_a_forged_grant(bench: Bench, key: str):
    """Signed by another key of its own, or by nobody's: check 1."""
    signer = bench.gateway.keys.get(key) or LocalSigner.generate("Ed25519")

    assert await _grant(bench, bench.gateway.grant(bench.body(), signer=signer)) == Code.GRANT_INVALID
    assert _record(bench, "refused")["check"] == 1


async def test_1_a_grant_of_a_key_that_was_revoked_and_a_key_set_rolled_back_for_it(bench: Bench):
    """The old key set does not come back, nor does a fork of the new one; the old key is refused at check 1."""
    gateway, old = bench.gateway, bench.gateway.keys["grant"]
    gateway.keys["grant"] = LocalSigner.generate("Ed25519")
    second = gateway.next_key_set(gateway.key_set)
    fork = gateway.next_key_set(gateway.key_set, hosts=["evil.example"])
    bench.agent.desk.take(m.KeySets(id="msg_k", tokens=[second.token]))

    for tokens in ([gateway.key_set.token], [fork.token], [gateway.key_set.token, fork.token]):
        bench.agent.desk.take(m.KeySets(id="msg_k", tokens=tokens))
        assert "does not follow" in _record(bench, "key_set_refused")["why"]
    assert bench.agent.identity.key_set.version == 2
    assert await _grant(bench, gateway.grant(bench.body(), signer=old)) == Code.GRANT_INVALID
    assert _record(bench, "refused")["check"] == 1


async def test_2_a_grant_held_back_until_another_link(bench: Bench):
    """What was signed for an earlier link is nobody's any more: check 2."""
    message = bench.gateway.grant(bench.body())
    bench.agent.fresh.forget()

    assert await _grant(bench, message) == Code.REPLAYED
    assert _record(bench, "refused")["check"] == 2


async def test_3_a_grant_replayed_over_a_restart(bench: Bench):
    """Used is used, on disk: check 3."""
    body = bench.body()
    assert await _grant(bench, bench.gateway.grant(body)) == "accepted"
    bench.restart()
    async with bench.at_work():
        again = bench.gateway.grant({**body, "fresh": bench.fresh()})

        assert await _grant(bench, again) == Code.REPLAYED
        assert _record(bench, "refused")["check"] == 3


async def test_4_a_grant_under_the_wider_rules_of_before(bench: Bench):
    """The document it names is not in force: check 4."""
    before = bench.agent.policy.position
    bench.send_policy(_policy(bench, hold_s=2 * HOUR_S))

    assert await _grant(bench, bench.gateway.grant(bench.gateway.body(before, bench.fresh()))) == Code.POLICY_STALE
    assert _record(bench, "refused")["check"] == 4


async def test_5_a_narrowing_it_never_delivers(bench: Bench):
    """It can withhold what the owner saved; pausing on site stops everything, and no message of it resumes: check 5."""
    assert await _grant(bench, bench.gateway.grant(bench.body())) == "accepted"
    bench.agent.site.pause()

    assert not bench.agent.sessions.running
    for tag in ("resume", "clear", "settings", "update", "hold", "pin"):
        bench.agent.desk.take(decode(json.dumps({"id": "msg_x", "t": tag, "v": 1}, separators=(",", ":"))))
        assert _record(bench, "unsupported")["tag"] == tag
    assert await _grant(bench, bench.gateway.grant(bench.body())) == Code.PAUSED
    assert _record(bench, "refused")["check"] == 5


async def test_6_a_wish_beyond_the_owners_rules(bench: Bench):
    """The site decides again by its own copy: check 6."""
    assert await _grant(bench, bench.gateway.grant(bench.body(purpose="property_crime", incident=None))) != "accepted"
    assert _record(bench, "refused")["check"] == 6


async def test_7_one_log_entry_for_two_grants(bench: Bench):
    """A second view does not hide behind the entry of the first: check 7."""
    first = bench.gateway.grant(bench.body())
    assert await _grant(bench, first) == "accepted"
    hidden = bench.gateway.grant(bench.body(), leaf=bench.gateway.leaf_of(first))

    assert await _grant(bench, hidden) == Code.PROMISE_INVALID
    assert _record(bench, "refused")["check"] == 7


async def test_7_a_log_entry_that_never_appears_and_a_history_that_changes(bench: Bench, clock: FakeClock):
    """Overdue, or contradicted, it gets no further picture: check 7."""
    assert await _grant(bench, bench.gateway.grant(bench.body())) == "accepted"
    clock.advance(61)
    bench.agent.sessions.tick()
    assert await _grant(bench, bench.gateway.grant(bench.body())) == Code.PROMISE_OVERDUE
    assert _record(bench, "refused")["check"] == 7
    leaf = bench.gateway.leaves[0]
    bench.agent.desk.take(bench.gateway.proof(leaf.hex(), leaves=[leaf]))
    assert await _grant(bench, bench.gateway.grant(bench.body())) == "accepted"
    other = bench.gateway.leaves[-1]
    bench.agent.desk.take(bench.gateway.proof(other.hex(), have_size=1, leaves=[other]))

    assert _record(bench, "log_contradiction")["size"] == 1
    assert await _grant(bench, bench.gateway.grant(bench.body())) == Code.PROMISE_OVERDUE


@pytest.mark.parametrize("address", ["192.168.1.10", "169.254.169.254", "127.0.0.1", "10.0.0.1", "::1", "fe80::1"])
@pytest.mark.parametrize("kind", ["publish", "clip"])
async def test_8_addresses_inside_the_owners_network(bench: Bench, address: str, kind: str):
    """A host of the key set that resolves into the premises: check 8, for pictures and for recordings."""
    if kind == "clip":
        bench.share_more(_wider(bench))
    bench.resolver.names["gw.example"] = address
    body = bench.body()
    if kind == "clip":
        request = clip_request(lineage=bench.agent.policy.position.lineage)
        upload = {"upload_url": "https://gw.example/uploads/1", "upload_token": "t", "request": request}
        body = bench.body(act="clip.fetch", publish=None, clip=upload)

    assert await _grant(bench, bench.gateway.grant(body)) == Code.GRANT_INVALID
    line = _record(bench, "refused")
    assert (line["check"], bool(line["why"])) == (8, True)


# --- leases


async def test_leases_held_back_reordered_and_repeated_give_nothing(bench: Bench, clock: FakeClock):
    """A lease counts from the sending of its fresh, once, in order; then the picture ends by itself."""
    body = bench.body()
    assert await _grant(bench, bench.gateway.grant(body)) == "accepted"
    pair = (body["session"], body["jti"])
    held_back = [bench.gateway.lease(bench.fresh(), pair, n=n) for n in (7, 6)]
    clock.advance(9)
    for lease in (held_back[0], held_back[1], held_back[0]):
        bench.agent.desk.take(lease)
    assert _record(bench, "lease_refused") == {}
    clock.advance(1)
    bench.agent.sessions.tick()

    assert not bench.agent.sessions.running
    assert _record(bench, "stopped")["reason"] == "lease"
    bench.agent.desk.take(bench.gateway.lease(bench.fresh(), pair, n=9))
    assert not bench.agent.sessions.running


# --- documents


async def test_documents_replayed_and_reordered(bench: Bench):
    """Check 3 of documents: exactly the next one, on the one in force, in this lineage; each try is on record."""
    agent, gateway = bench.agent, bench.gateway
    wide = agent.policy.in_force.document
    narrow = gateway.document(_policy(bench, hold_s=2 * HOUR_S), agent.policy.position)
    after = gateway.document(_policy(bench, hold_s=3 * HOUR_S), narrow.position)
    for document in (after, narrow, wide, after, narrow):
        agent.desk.take(m.Policy(id="msg_d", document=dict(document.raw)))
    kinds = [type(said) for said in bench.heard(m.Message)]

    assert kinds == [m.PolicyStale, m.PolicyAck, m.PolicyStale, m.PolicyAck, m.PolicyStale]
    assert _record(bench, "policy_stale")["seq"] == 2
    far = gateway.document(_policy(bench), Position(after.lineage, 2**40, after.sha256))
    agent.desk.take(m.Policy(id="msg_d", document=dict(far.raw)))
    assert agent.policy.position.sha256 == after.sha256


@pytest.mark.parametrize(
    "wider",
    [
        {"rules": (build.rule(condition="always"),)},
        {"rules": (build.rule(condition="any"),), "terms": (build.terms(session_s=3600),)},
        {"rules": (build.rule(condition="any"),), "terms": (build.terms(height_lines=2160),)},
        {"rules": (build.rule(condition="any"),), "groups": (Group("yard", frozenset({"cam_1", "cam_2"})),),
         "cameras": (build.camera(), build.camera("cam_2", 42.5))},
    ],
    ids=["condition", "seconds", "height", "a camera moved"],
)  # fmt: skip
async def test_a_widening_behind_unchanged_ids(bench: Bench, wider: dict[str, Any]):
    """Check 5 of documents compares what is meant, never what it is called."""
    rules, changes = wider["rules"], {k: v for k, v in wider.items() if k != "rules"}
    bench.send_policy(_policy(bench, *rules, **changes))

    assert bench.token(m.PolicyRefused)["code"] == PolicyProblem.WIDENING
    assert _record(bench, "policy_refused")["code"] == PolicyProblem.WIDENING
    assert bench.agent.policy.position.seq == 1


async def test_another_credential_put_in_the_owners_place(bench: Bench):
    """As a narrowing it is a widening; as a proposal it is approved by none but the owner it would replace."""
    stranger = SoftPasskey("x")
    swapped = dataclasses.replace(bench.passkey.owner, public_key=stranger.owner.public_key)
    bench.send_policy(_policy(bench, owners=(swapped,)))
    assert bench.token(m.PolicyRefused)["code"] == PolicyProblem.WIDENING
    sha256 = bench.send_policy(_policy(bench, owners=(stranger.owner,)), is_proposal=True)
    answer = bench.approve(bench.gateway.approval(stranger, sha256, label="lenspact/owners/v1"))

    assert _code(bench, answer) == PolicyProblem.APPROVAL_INVALID
    assert _record(bench, "approval_refused")["check"] == 2
    own = bench.approve(bench.gateway.approval(bench.passkey, sha256, label="lenspact/owners/v1"))
    assert _code(bench, own) == PolicyProblem.ANOTHER_OWNER


# --- what owners touch


async def test_a_sign_in_whose_challenge_was_the_policys_hash(bench: Bench):
    """Labels keep a sign-in from being an approval: check 3 of approvals."""
    sha256 = bench.send_policy(_wider(bench), is_proposal=True)

    assert _code(bench, bench.approve(bench.gateway.approval_by_sign_in(bench.passkey, sha256))) == "approval_invalid"
    assert _record(bench, "approval_refused")["check"] == 3


async def test_a_yes_to_a_recording_used_for_the_policy(bench: Bench):
    """The same digest under another label: check 3, whatever label the message claims."""
    sha256 = bench.send_policy(_wider(bench), is_proposal=True)
    touch = bench.passkey.approve(CLIP_LABEL, sha256)
    for label in (CLIP_LABEL, "lenspact/policy/v1", "lenspact/owners/v1", ""):
        answer = bench.approve(m.PolicyApproval(id="msg_t", sha256=sha256, label=label, assertion=touch))

        assert _code(bench, answer) == PolicyProblem.APPROVAL_INVALID
        assert _record(bench, "approval_refused")["check"] == 3


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"origin": "https://gw.example.evil"}, 3),
        ({"crossOrigin": True}, 3),
        ({"topOrigin": "https://evil.example"}, 3),
        ({"rp_id": "example"}, 4),
        ({"flags": PRESENT}, 4),
    ],
    ids=str,
)
async def test_a_touch_given_elsewhere_or_unverified(bench: Bench, changes: dict[str, Any], check: int):
    """Another page, a frame, another relying party, nobody verified: checks 3 and 4."""
    sha256 = bench.send_policy(_wider(bench), is_proposal=True)

    assert _code(bench, bench.approve(bench.gateway.approval(bench.passkey, sha256, **changes))) == "approval_invalid"
    assert _record(bench, "approval_refused")["check"] == check


async def test_a_touch_of_many_that_did_not_cover_this_one(bench: Bench):
    """A path that leads to no root the owner signed: check 3; one that is none: check 1."""
    sha256 = bench.send_policy(_wider(bench), is_proposal=True)
    assertion = bench.passkey.approve_all("lenspact/policy/v1", ["ab" * 32, "cd" * 32])
    leads_elsewhere, is_none = TouchPath(index=0, size=2, hashes=["cd" * 32]), TouchPath(index=2, size=2, hashes=[])
    for where, check in ((leads_elsewhere, 3), (is_none, 1)):
        approval = m.PolicyApproval(
            id="msg_t", sha256=sha256, label="lenspact/policy/v1", assertion=assertion, path=where
        )  # fmt: skip
        assert _code(bench, bench.approve(approval)) == PolicyProblem.APPROVAL_INVALID
        assert _record(bench, "approval_refused")["check"] == check


async def test_a_page_that_shows_one_thing_and_has_another_signed(bench: Bench, clock: FakeClock):
    """No signature tells; the hold and this machine's own notice do: the owner reads what it really is, and says no."""
    signed = bench.send_policy(_wider(bench), is_proposal=True)  # while the page showed something harmless
    bench.notice.lines.clear()
    answer = bench.approve(bench.gateway.approval(bench.passkey, signed))

    assert isinstance(answer, m.PolicyProposed)
    assert answer.held_s == HOUR_S
    assert any("record" in line for line in bench.notice.lines)
    clock.advance(HOUR_S - 1)
    bench.agent.desk.end_hold()
    bench.agent.site.decline(signed)
    clock.advance(HOUR_S)
    bench.agent.desk.end_hold()
    assert bench.agent.policy.position.seq == 1
    assert (_record(bench, "policy_held")["sha256"], _record(bench, "policy_no")["by"]) == (signed, "site")
    assert _code(bench, bench.approve(bench.gateway.approval(bench.passkey, signed))) == PolicyProblem.DEAD


async def test_a_touch_for_one_document_delivered_for_another(bench: Bench):
    """The digest is in the challenge: check 3."""
    first = bench.send_policy(_wider(bench), is_proposal=True)
    second = bench.send_policy(_policy(bench, build.rule()), is_proposal=True)
    approval = bench.gateway.approval(bench.passkey, second, signed=first)

    assert _code(bench, bench.approve(approval)) == PolicyProblem.APPROVAL_INVALID
    assert _record(bench, "approval_refused")["check"] == 3


# --- live views that an owner was asked about


def _ask_first(bench: Bench):
    return _policy(bench, build.rule(condition="ask"))


def _view(bench: Bench, **changes: Any) -> tuple[dict[str, Any], str]:
    request = view_request(lineage=bench.agent.policy.position.lineage, **changes)
    return request, views.parse(request).sha256


def _carried(request: dict[str, Any], touch: Assertion | None = None, **changes: Any) -> dict[str, Any]:
    """An approval as a grant carries it."""
    given = {} if touch is None else {"assertion": {name: getattr(touch, name) for name in touch.__struct_fields__}}
    return {"label": VIEW_LABEL, "document": request, **given, **changes}


async def test_a_yes_to_one_view_used_for_another(bench: Bench):
    """Another camera, reason, incident, or another question about the same: check 6, whatever the grant says."""
    bench.share_more(_ask_first(bench))
    _, signed = _view(bench)
    touch = bench.passkey.approve(VIEW_LABEL, signed)
    incident = bench.body()["incident"]
    for asked, wish in (
        ({"camera": "cam_2"}, {"camera": "cam_2"}),
        ({"purpose": "life_safety"}, {"purpose": "life_safety"}),
        ({"incident": "inc_2"}, {"incident": incident | {"ref": "inc_2"}}),
        ({"incident": None}, {"incident": None}),
        ({"request_id": "vwr_2"}, {}),
        ({"expires_at": "2026-11-23T15:59:00Z"}, {}),
    ):
        other, _ = _view(bench, **asked)
        body = bench.body(approval=_carried(other, touch), **wish)

        assert await _grant(bench, bench.gateway.grant(body)) == Code.POLICY_DENIES, asked
        assert _record(bench, "refused")["check"] == 6


async def test_a_yes_to_a_view_replayed_over_a_restart_and_after_its_time(bench: Bench, clock: FakeClock):
    """One request opens one view: used is used, on disk, and late is late: check 6."""
    bench.share_more(_ask_first(bench))
    (first, one), (second, two) = _view(bench), _view(bench, request_id="vwr_2")
    first_touch, second_touch = bench.passkey.approve(VIEW_LABEL, one), bench.passkey.approve(VIEW_LABEL, two)
    assert await _grant(bench, bench.gateway.grant(bench.body(approval=_carried(first, first_touch)))) == "accepted"
    bench.restart()
    async with bench.at_work():
        bench.agent.desk.take(bench.gateway.proof(bench.gateway.leaves[-1].hex()))
        again = bench.gateway.grant(bench.body(approval=_carried(first, first_touch)))
        assert await _grant(bench, again) == Code.POLICY_DENIES
        clock.advance(1800)
        late = bench.gateway.grant(bench.body(approval=_carried(second, second_touch)))

        assert await _grant(bench, late) == Code.POLICY_DENIES
        assert _record(bench, "refused")["check"] == 6


async def test_a_sign_in_whose_challenge_was_a_views_hash(bench: Bench):
    """Whoever signed in, or agreed to a recording, has let nobody watch: check 6, the label is in the challenge."""
    bench.share_more(_ask_first(bench))
    request, digest = _view(bench)
    for touch in (bench.passkey.sign(bytes.fromhex(digest)), bench.passkey.approve(CLIP_LABEL, digest)):
        body = bench.body(approval=_carried(request, touch))

        assert await _grant(bench, bench.gateway.grant(body)) == Code.POLICY_DENIES
        assert _record(bench, "refused")["check"] == 6


async def test_a_yes_on_site_that_nobody_gave(bench: Bench):
    """It puts the question, answers it itself, and brings any token: check 6, for the site reads its own answer."""
    bench.share_more(_ask_first(bench))
    request, _ = _view(bench)
    bench.agent.desk.take(m.ViewAsk(id="msg_a", request=request))
    for token in ("", "x.y.z"):
        body = bench.body(approval=_carried(request, site_token=token))

        assert await _grant(bench, bench.gateway.grant(body)) == Code.POLICY_DENIES
        assert _record(bench, "refused")["check"] == 6


async def test_one_yes_for_a_second_incident_and_a_flood_of_questions(bench: Bench):
    """Questions cost it the owner's patience once for an incident; they are bounded, and give nothing."""
    bench.share_more(_ask_first(bench))
    bench.notice.told.clear()
    for number in range(40):
        request, _ = _view(bench, request_id=f"vwr_{number}", incident=f"inc_{number % 4}")
        bench.agent.desk.take(m.ViewAsk(id="msg_a", request=request))

    assert bench.notice.told == ["view_ask"] * 4
    assert _record(bench, "view_ask_refused")["code"] == Code.LIMIT
    assert len(bench.agent.view_asks.waiting()) == 4


# --- connection checks


async def test_a_gateway_that_asks_for_one_connection_check_after_another(bench: Bench):
    """So many an hour look at anything; the others are refused, the owner's record says so once, and time heals it."""
    kinds = [await _checked(bench) for _ in range(CHECKS_AN_HOUR + 10)]

    assert kinds == [ConnectionChecked] * CHECKS_AN_HOUR + [m.Problem] * 10
    assert _record(bench, "checks_too_often")["count"] == CHECKS_AN_HOUR
    assert [line.kind for line in bench.agent.journal.newest(20)].count("checks_too_often") == 1
    bench.clock.advance(HOUR_S)
    assert await _checked(bench) is ConnectionChecked


async def test_a_gateway_that_used_up_its_checks_keeps_nobody_on_site_from_looking(bench: Bench):
    """It is refused, and whoever stands there learns of their cameras without it."""
    for _ in range(CHECKS_AN_HOUR):
        await _checked(bench)
    bench.clock.advance(60)
    bench.agent.site.look()

    assert await _checked(bench) is m.Problem
    last = bench.agent.desk.checks.last
    assert last is not None
    assert (last[0], last[1].re) == (bench.clock.now(), "")


async def _checked(bench: Bench) -> type[m.Message]:
    """What the site says to a full check."""
    bench.heard(m.Message)
    bench.agent.desk.take(ConnectionCheck(id="msg_c", servers=[], is_full=True))
    await anyio.wait_all_tasks_blocked()
    (said,) = bench.heard(m.Message)
    return type(said)
