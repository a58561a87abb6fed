"""Whether an owner's passkey approved exactly this: the one reader of WebAuthn assertions on a site.

Everything it is held against was pinned on site: the exact relying party and origin, and the credentials of the
document in force. The checks, in this order (docs/ref/wire.md, "Approval by passkey"):
1 the assertion and its path are in form;   2 its credential is pinned, not suspended, and of a role that approves
things of this kind;   3 the client data is of this very origin, in no frame of another, and asks for this label and
digest (or the root its path leads to);
4 relying party, presence and user verification;   5 the signature, by the pinned key, in one of the two algorithms.
Whether the counter went back is told to the caller, who remembers it (`partner_agent.owners`). No I/O.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from webauthn import verify_authentication_response
from webauthn.helpers import decode_credential_public_key, parse_authenticator_data
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from partner_agent.wire.touches import Assertion, Path, TouchError, base64url, challenge, from_base64url, signed
from policies.parts import Owner
from policies.vocabulary import OwnerRole

_ANSWERS: Final = frozenset({CLIP_LABEL, VIEW_LABEL})  # what a passkey that only answers requests may approve
_ALGORITHMS: Final = {(2, -7), (1, -8)}  # COSE key type and algorithm: ES256, EdDSA (RFC 9053 §2)
# What the library raises on bytes that somebody else chose, beside its own errors.
_MALFORMED: Final = (WebAuthnException, TouchError, ValueError, TypeError, KeyError, IndexError, AttributeError)


@dataclass(frozen=True, slots=True)
class Profile:
    """What this site pinned: `rp_id` such as gw.example, `origin` such as https://gw.example. Both exact."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Approved:
    """A genuine touch.

    Attributes:
        credential: whose, as the document names it.
        sign_count: the authenticator's own counter; 0 for passkeys that keep none.
        challenge: hex of what it answered; the same for every document of one touch.
    """

    credential: str
    sign_count: int
    challenge: str


class ApprovalError(ValueError):
    """The touch approves nothing here; `check` is the number of the first check that failed."""

    def __init__(self, check: int, sentence: str) -> None:
        super().__init__(sentence)
        self.check = check


def verify(
    assertion: Assertion,
    *,
    label: str,
    digest: bytes,
    path: Path | None,
    profile: Profile,
    owners: Sequence[Owner],
) -> Approved:
    """Check that one of `owners` approved `digest` as a thing of the kind `label`.

    Raises:
        ApprovalError: the first numbered check that failed.
    """
    credential, root = _formed(assertion, digest, path)  # 1
    owner = next((one for one in owners if one.credential == assertion.credential), None)  # 2
    if owner is None:
        raise ApprovalError(2, "the passkey is none of this site's")
    if owner.is_suspended:
        raise ApprovalError(2, "the passkey is suspended")
    if owner.role is not OwnerRole.OWNER and label not in _ANSWERS:
        raise ApprovalError(2, "the passkey only answers requests")
    wanted = _checked_client_data(credential, label, root, profile)  # 3
    count = _checked_authenticator(credential, profile)  # 4
    _check_signature(credential, wanted, profile, owner)  # 5
    return Approved(credential=owner.credential, sign_count=count, challenge=wanted.hex())


def _formed(assertion: Assertion, digest: bytes, path: Path | None) -> tuple[AuthenticationCredential, bytes]:
    try:
        raw_id = from_base64url(assertion.credential)
        response = AuthenticatorAssertionResponse(
            client_data_json=from_base64url(assertion.client_data),
            authenticator_data=from_base64url(assertion.authenticator_data),
            signature=from_base64url(assertion.signature),
        )
        root = signed(digest, path)
    except TouchError as error:
        raise ApprovalError(1, str(error)) from error
    return AuthenticationCredential(id=base64url(raw_id), raw_id=raw_id, response=response), root


def _checked_client_data(credential: AuthenticationCredential, label: str, root: bytes, profile: Profile) -> bytes:
    """The challenge this touch answers (WebAuthn §7.2, steps 10 to 14)."""
    try:
        wanted = challenge(label, root)
    except TouchError as error:
        raise ApprovalError(3, str(error)) from error
    try:
        said: Any = json.loads(credential.response.client_data_json)
    except ValueError as error:
        raise ApprovalError(3, "the client data cannot be read") from error
    if not isinstance(said, dict) or said.get("type") != "webauthn.get":
        raise ApprovalError(3, "not an answer to a request to approve")
    if said.get("challenge") != base64url(wanted):
        raise ApprovalError(3, "the touch was for something else")
    if said.get("origin") != profile.origin:
        raise ApprovalError(3, "the touch was given on another page")
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise ApprovalError(3, "the touch was given inside another page")
    return wanted


def _checked_authenticator(credential: AuthenticationCredential, profile: Profile) -> int:
    """The counter, once relying party and flags are right (WebAuthn §6.1)."""
    try:
        data = parse_authenticator_data(credential.response.authenticator_data)
    except _MALFORMED as error:
        raise ApprovalError(4, "the authenticator's data cannot be read") from error
    if data.rp_id_hash != hashlib.sha256(profile.rp_id.encode()).digest():
        raise ApprovalError(4, "the passkey is of another site")
    if not data.flags.up or not data.flags.uv:
        raise ApprovalError(4, "nobody was verified at the passkey")
    return data.sign_count


def _check_signature(credential: AuthenticationCredential, wanted: bytes, profile: Profile, owner: Owner) -> None:
    """The library's own verification, from the first step to the signature, by the pinned key."""
    public_key = _taken(owner)
    try:
        verify_authentication_response(
            credential=credential,
            expected_challenge=wanted,
            expected_rp_id=profile.rp_id,
            expected_origin=profile.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # compared by whoever remembers it
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise ApprovalError(5, "the signature is not the pinned passkey's") from error


def _taken(owner: Owner) -> bytes:
    """The pinned COSE key, if it is of an algorithm that is taken."""
    try:
        public_key = from_base64url(owner.public_key)
        decoded = decode_credential_public_key(public_key)
        kind = (int(decoded.kty), int(decoded.alg))
    except _MALFORMED as error:
        raise ApprovalError(5, "the pinned key cannot be read") from error
    if kind not in _ALGORITHMS:
        raise ApprovalError(5, "the passkey's algorithm is not taken here")
    return public_key
