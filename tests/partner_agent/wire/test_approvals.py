"""An owner's passkey approves exactly one thing, on one page, in person; each numbered check refuses by itself."""

import dataclasses
import hashlib
from typing import Any

import msgspec
import pytest

from partner_agent.wire import approvals, touches
from partner_agent.wire.approvals import ApprovalError, Profile
from partner_agent.wire.documents import CLIP_LABEL, OWNERS_LABEL, POLICY_LABEL, VIEW_LABEL
from partner_agent.wire.touches import Assertion, Path, base64url
from policies.parts import Owner
from tests.support.passkeys import ORIGIN, PRESENT, RP_ID, VERIFIED, SoftPasskey

SHA256 = hashlib.sha256(b"document").hexdigest()
PROFILE = Profile(RP_ID, ORIGIN)


@pytest.fixture
def passkey() -> SoftPasskey:
    """The owner's."""
    return SoftPasskey()


def _verify(assertion: Assertion, *owners: Owner, label: str = POLICY_LABEL, path: Path | None = None):
    digest = bytes.fromhex(SHA256)
    return approvals.verify(assertion, label=label, digest=digest, path=path, profile=PROFILE, owners=owners)


def _refused(assertion: Assertion, *owners: Owner, **changes: Any) -> int:
    with pytest.raises(ApprovalError) as error:
        _verify(assertion, *owners, **changes)
    return error.value.check


@pytest.mark.parametrize("field", ["credential", "client_data", "authenticator_data", "signature"])
def test_1_an_assertion_out_of_form_is_refused(passkey: SoftPasskey, field: str):
    """Each part is base64url, written the one way."""
    assertion = msgspec.structs.replace(passkey.approve(POLICY_LABEL, SHA256), **{field: "!"})

    assert _refused(assertion, passkey.owner) == 1


def test_1_a_path_that_is_none_is_refused(passkey: SoftPasskey):
    """A touch of more than 200 documents approves none."""
    assertion = passkey.approve(POLICY_LABEL, SHA256)

    assert _refused(assertion, passkey.owner, path=Path(index=0, size=201, hashes=[])) == 1


def test_2_a_passkey_that_is_not_pinned_is_refused(passkey: SoftPasskey):
    """Somebody else's passkey opens nothing here, however well it signs."""
    assert _refused(SoftPasskey("b").approve(POLICY_LABEL, SHA256), passkey.owner) == 2


def test_2_a_suspended_passkey_is_refused(passkey: SoftPasskey):
    """Suspending is free for the owner, and at once."""
    owner = dataclasses.replace(passkey.owner, is_suspended=True)

    assert _refused(passkey.approve(POLICY_LABEL, SHA256), owner) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "webauthn.create"},
        {"origin": "https://evil.example"},
        {"origin": ORIGIN + "/"},
        {"origin": "http://gw.example"},
        {"crossOrigin": True},
        {"crossOrigin": "false"},
        {"topOrigin": "https://evil.example"},
        {"challenge": base64url(bytes(32))},
        {"challenge": base64url(bytes.fromhex(SHA256))},
        {"challenge": None},
        {"origin": None},
    ],
    ids=str,
)
def test_3_a_touch_on_another_page_or_for_something_else_is_refused(passkey: SoftPasskey, changes: dict[str, Any]):
    """Origin, frame, type and challenge must be exactly the ones of this approval."""
    assert _refused(passkey.approve(POLICY_LABEL, SHA256, **changes), passkey.owner) == 3


@pytest.mark.parametrize("label", [CLIP_LABEL, VIEW_LABEL, OWNERS_LABEL])
def test_3_a_yes_to_another_kind_of_thing_is_refused(passkey: SoftPasskey, label: str):
    """A clip's yes with the very digest of a policy is no yes to the policy."""
    assert _refused(passkey.approve(label, SHA256), passkey.owner) == 3


def test_3_a_sign_in_whose_challenge_is_the_policys_hash_is_refused(passkey: SoftPasskey):
    """A gateway may put any 32 bytes to a passkey that signs in: without the label they approve nothing."""
    assert _refused(passkey.sign(bytes.fromhex(SHA256)), passkey.owner) == 3


def test_3_client_data_that_is_no_object_is_refused(passkey: SoftPasskey):
    """What cannot be read approves nothing."""
    for data in (b"[]", b"\xff", b"{"):
        assertion = msgspec.structs.replace(passkey.approve(POLICY_LABEL, SHA256), client_data=base64url(data))
        assert _refused(assertion, passkey.owner) == 3


@pytest.mark.parametrize("changes", [{"rp_id": "example"}, {"flags": PRESENT}, {"flags": VERIFIED}, {"flags": 0}])
def test_4_relying_party_presence_and_verification_are_demanded(passkey: SoftPasskey, changes: dict[str, Any]):
    """A passkey of the domain above, or one nobody unlocked, approves nothing."""
    assert _refused(passkey.approve(POLICY_LABEL, SHA256, **changes), passkey.owner) == 4


def test_4_authenticator_data_that_is_none_is_refused(passkey: SoftPasskey):
    """Too short, or with bytes left over."""
    for data in (b"", bytes(37) + b"\x00"):
        assertion = msgspec.structs.replace(passkey.approve(POLICY_LABEL, SHA256), authenticator_data=base64url(data))
        assert _refused(assertion, passkey.owner) == 4


def test_5_the_signature_is_by_the_pinned_key(passkey: SoftPasskey):
    """The id of a pinned passkey with another key behind it approves nothing."""
    swapped = dataclasses.replace(passkey.owner, public_key=SoftPasskey("b").owner.public_key)

    assert _refused(passkey.approve(POLICY_LABEL, SHA256), swapped) == 5


@pytest.mark.parametrize("key", ["", "!", base64url(b"\x04" + bytes(64)), base64url(b"\xa0"), base64url(b"junk")])
def test_5_a_pinned_key_that_is_none_verifies_nothing(passkey: SoftPasskey, key: str):
    """Whatever stands in the document, an unreadable key is a refusal and no crash."""
    owner = dataclasses.replace(passkey.owner, public_key=key)

    assert _refused(passkey.approve(POLICY_LABEL, SHA256), owner) == 5


def test_5_other_algorithms_are_refused():
    """ES256 and EdDSA, and nothing else."""
    passkey = SoftPasskey(algorithm="RS256")

    assert _refused(passkey.approve(POLICY_LABEL, SHA256), passkey.owner) == 5


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_genuine_touch_names_its_passkey_and_counter(algorithm: str):
    """What was approved, by which credential, and how often that one has signed."""
    passkey = SoftPasskey(algorithm=algorithm, count=6)

    approved = _verify(passkey.approve(POLICY_LABEL, SHA256), SoftPasskey("b").owner, passkey.owner)

    assert (approved.credential, approved.sign_count) == (passkey.owner.credential, 7)
    assert approved.challenge == touches.challenge(POLICY_LABEL, bytes.fromhex(SHA256)).hex()


def test_one_touch_approves_each_of_many_documents(passkey: SoftPasskey):
    """Every site verifies its own digest along its own path, against the same signature."""
    digests = [hashlib.sha256(bytes([n])).hexdigest() for n in range(5)]
    digests[3] = SHA256
    assertion = passkey.approve_all(POLICY_LABEL, digests)
    raw = [bytes.fromhex(digest) for digest in digests]

    approved = _verify(assertion, passkey.owner, path=touches.path(raw, 3))
    assert approved.challenge == touches.challenge(POLICY_LABEL, touches.root(raw)).hex()
    assert _refused(assertion, passkey.owner, path=touches.path(raw, 2)) == 3
    assert _refused(assertion, passkey.owner) == 3
