"""Who signs agreements: names, and passkeys of the people a test says."""

from gateway.kernel.errors import PreconditionError
from gateway.partners import SignatureOffer
from partner_agent.wire.touches import Assertion

CREDENTIAL = "a2V5"


class FakeSignatures:
    """`partners.Signatures`: people of `with_passkey` sign with any touch of `credential`."""

    def __init__(self) -> None:
        self.with_passkey: set[str] = set()
        self.credential = CREDENTIAL

    async def agency_name(self) -> str:
        """The agency of the tests."""
        return "City Police"

    async def offer(self, person_id: str, sha256: str) -> SignatureOffer | None:
        """The version's own digest stands for its challenge."""
        return SignatureOffer(sha256, (self.credential,), "localhost") if person_id in self.with_passkey else None

    async def signed(self, person_id: str, sha256: str, assertion: Assertion | None) -> str:
        """The credential and the digest, as JSON."""
        if person_id not in self.with_passkey:
            return ""
        if assertion is None or assertion.credential != self.credential:
            raise PreconditionError("Sign with your approval passkey: nothing is signed yet.")
        return f'{{"credential":"{self.credential}","digest":"{sha256}"}}'
