"""Grants, leases, promises and leaves: what their form alone can refuse."""

from typing import Any

import pytest

from partner_agent.wire import classes, grants, leases, promises
from partner_agent.wire.leaves import commitment, leaf_hash, said
from partner_agent.wire.tokens import LocalSigner, TokenError
from tests.fakes.clock import START

KEY, OTHER = LocalSigner.generate("Ed25519"), LocalSigner.generate("Ed25519")
SALT = "ab" * 16
BODY: dict[str, Any] = {
    "jti": "grt_1",
    "fresh": "f",
    "lineage": "l",
    "policy_sha256": "p",
    "session": "ses_1",
    "camera": "cam_1",
    "act": "live.view",
    "subject": {"ref": "r", "agency": "age_1", "unit": "u", "role": "operator"},
    "purpose": "incident",
    "facts": {},
    "caps": {"seconds": 60, "height_lines": 720},
    "obligations": {"masks": ["m1"], "max_s": 60},
    "publish": {"whip_url": "https://gw.example/whip/1", "ticket": "t", "relay_fingerprint": "AA"},
}


def _leaf(sha256: str, **changed: object) -> tuple[dict[str, Any], dict[str, Any]]:
    named: dict[str, Any] = {"act": "live.view", "purpose": "incident", "policy_sha256": "p", "camera": "cam_1"}
    named = {"grant_sha256": sha256, **named, **changed}
    camera = named.pop("camera")
    leaf = {"v": 1, "public": named, "c": {"camera": commitment(bytes.fromhex(SALT), camera)}}
    return leaf, {"camera": {"salt": SALT, "value": camera}}


def _token(signer: LocalSigner = KEY, leaf_changed: dict[str, object] | None = None, **changed: object) -> str:
    body = {k: v for k, v in {**BODY, **changed}.items() if v != "drop"}
    claims = grants.claims_for_hash(gateway="gw", agent="agt_1", now=START, body=body)
    leaf, openings = _leaf(grants.hash_without_leaf(claims), **(leaf_changed or {}))
    return grants.sign(signer.only(classes.GRANT), claims, leaf=leaf, openings=openings, promise="x")


def _read(token: str) -> grants.ReadGrant:
    return grants.parse(token, (KEY.public,), gateway="gw", agent="agt_1", now=START)


def test_a_good_grant_is_read_and_its_leaf_names_it():
    """The shape, the hash without its leaf, and the leaf hash fit together."""
    read = _read(_token())

    assert grants.check_leaf(read) == leaf_hash(read.grant.leaf)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": {"ref": "r"}},
        {"subject": {**BODY["subject"], "badge": "7"}},
        {"obligations": ["mask"]},
        {"obligations": {"mask": {}}},
        {"facts": {"weather": "fine"}},
        {"caps": {"seconds": "60", "height_lines": 720}},
        {"incident": {"ref": "i", "kind": "fire", "origin": "cad", "cell": [1], "opened_at": "x"}},
        {"publish": "drop"},
        {"clip": {"upload_url": "u", "upload_token": "t", "request": {}}},
        {"caps": [1]},
    ],
    ids=str,
)
def test_a_grant_of_another_shape_is_refused(changed: dict[str, object]):
    """Missing, foreign or contradicting parts are refused before anything is decided."""
    with pytest.raises(TokenError):
        _read(_token(**changed))


def test_a_grant_by_another_key_is_refused():
    """Only the key set's grant key counts."""
    with pytest.raises(TokenError):
        _read(_token(OTHER))


@pytest.mark.parametrize(
    "changed",
    [
        {"grant_sha256": "0" * 64},
        {"camera": "cam_2"},
        {"act": "clip.fetch"},
        {"purpose": "training"},
        {"policy_sha256": "q"},
    ],
    ids=str,
)
def test_a_foreign_leaf_is_refused(changed: dict[str, object]):
    """A leaf that names another grant, camera, act, purpose or policy proves nothing about this one."""
    read = _read(_token(leaf_changed=changed))

    with pytest.raises(TokenError):
        grants.check_leaf(read)


@pytest.mark.parametrize(
    "openings",
    [{}, {"camera": {"salt": "cd" * 16, "value": "cam_1"}}, {"camera": {"salt": "zz" * 16, "value": "cam_1"}}],
)
def test_a_field_that_is_not_opened_is_not_said(openings: dict[str, object]):
    """A commitment counts only with its own salt and value."""
    leaf, _ = _leaf("0")

    with pytest.raises(ValueError, match=r"opened|hex"):
        said(leaf, openings, "camera")


def test_a_field_said_twice_is_not_said():
    """A leaf that both shows and commits to a field could mean two things."""
    leaf, openings = _leaf("0")
    leaf["public"]["camera"] = "cam_1"

    with pytest.raises(ValueError, match="once"):
        said(leaf, openings, "camera")


def test_a_lease_is_read():
    """What is signed is what is read."""
    token = leases.sign(
        KEY.only(classes.LEASE), gateway="gw", agent="agt_1", n=1, fresh="f", sessions=[("s", "j")], now=START
    )

    found = leases.parse(token, (KEY.public,), gateway="gw", agent="agt_1")
    assert found == leases.Lease(n=1, fresh="f", sessions=frozenset({("s", "j")}))


@pytest.mark.parametrize("sessions", [[["s"]], [["s", 1]], ["s"], {}])
def test_a_malformed_lease_is_refused(sessions: object):
    """A batch is pairs of session and grant."""
    claims = {"iss": "gw", "aud": "agt_1", "iat": 0, "n": 1, "fresh": "f", "sessions": sessions}

    with pytest.raises(TokenError):
        leases.parse(KEY.sign(classes.LEASE, claims), (KEY.public,), gateway="gw", agent="agt_1")


@pytest.mark.parametrize(
    "changed",
    [{"max_merge_delay_s": 61}, {"max_merge_delay_s": 0}, {"origin": "o2"}, {"leaf_hash": "a"}, {"time": 5}],
    ids=str,
)
def test_a_promise_that_promises_less_is_refused(changed: dict[str, object]):
    """A longer delay, another log, or no hash is no promise."""
    claims = {"iss": "gw", "aud": "o", "iat": 0, "origin": "o", "leaf_hash": "a" * 64, "max_merge_delay_s": 60}
    token = KEY.sign(classes.PROMISE, {**claims, "time": "2026-11-23T15:00:00Z", **changed})

    with pytest.raises(TokenError):
        promises.parse(token, (KEY.public,), gateway="gw", origin="o")


def test_a_promise_is_read():
    """What the promise key signs the agent can count on."""
    token = promises.sign(KEY.only(classes.PROMISE), gateway="gw", origin="o", leaf_hash="a" * 64, now=START)

    assert promises.parse(token, (KEY.public,), gateway="gw", origin="o").leaf_hash == "a" * 64
