"""Wires an owner's signature under the agreement to their approval passkeys, and both sides' names into its text."""

from typing import Final

import msgspec

from gateway.identity import Identity, Passkey
from gateway.kernel.errors import PreconditionError
from gateway.partners import SignatureOffer
from partner_agent.wire import approvals, canonical
from partner_agent.wire.approvals import ApprovalError, Profile
from partner_agent.wire.documents import AGREEMENT_LABEL
from partner_agent.wire.touches import Assertion, TouchError, base64url, challenge
from policies.model import Owner

_PART_CHARACTERS: Final = 4096  # of each part of an assertion; real ones have hundreds


class PasskeySignatures:
    """`partners.Signatures` over the passkeys that somebody registered for approvals."""

    def __init__(self, identity: Identity, profile: Profile) -> None:
        self._identity, self._profile = identity, profile

    async def agency_name(self) -> str:
        """The city's own name."""
        return (await self._identity.people.agency()).name

    async def offer(self, person_id: str, sha256: str) -> SignatureOffer | None:
        """What their authenticator is to sign; None for somebody without a passkey."""
        keys = await self._living(person_id)
        if not keys:
            return None
        wanted = challenge(AGREEMENT_LABEL, bytes.fromhex(sha256))
        return SignatureOffer(base64url(wanted), tuple(one.credential for one in keys), self._profile.rp_id)

    async def signed(self, person_id: str, sha256: str, assertion: Assertion | None) -> str:
        """The signature as it is kept, once it was checked as a site checks a touch; empty without a passkey.

        Raises:
            PreconditionError: they have a passkey, and this is no signature by it.
        """
        keys = await self._living(person_id)
        if not keys:
            return ""
        owners = tuple(Owner(one.credential, one.public_key, is_suspended=False) for one in keys)
        if assertion is None or any(len(part) > _PART_CHARACTERS for part in msgspec.structs.astuple(assertion)):
            raise PreconditionError("Sign with your approval passkey: nothing is signed yet.")
        try:
            approved = approvals.verify(
                assertion,
                label=AGREEMENT_LABEL,
                digest=bytes.fromhex(sha256),
                path=None,
                profile=self._profile,
                owners=owners,
            )
        except (ApprovalError, TouchError) as error:
            raise PreconditionError("This passkey did not sign this version. Nothing is signed; try again.") from error
        key = next(one for one in keys if one.credential == approved.credential)
        return canonical.encode(_kept(assertion, key, self._profile, sha256)).decode()

    async def _living(self, person_id: str) -> list[Passkey]:
        return [one for one in await self._identity.passkeys.of_person(person_id) if not one.is_suspended]


def _kept(assertion: Assertion, key: Passkey, profile: Profile, sha256: str) -> dict[str, object]:
    """Everything that checking it again takes (docs/ref/wire.md, "Approval by passkey")."""
    return {
        "label": AGREEMENT_LABEL,
        "digest": sha256,
        "rp_id": profile.rp_id,
        "origin": profile.origin,
        "public_key": key.public_key,
        "credential": assertion.credential,
        "client_data": assertion.client_data,
        "authenticator_data": assertion.authenticator_data,
        "signature": assertion.signature,
    }
