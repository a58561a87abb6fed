"""An owner's passkey signs exactly one version of the agreement, and what is kept of it is enough to check it again."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gateway.app.agreeing import PasskeySignatures
from gateway.identity import Passkey
from gateway.kernel.errors import PreconditionError
from partner_agent.wire import approvals
from partner_agent.wire.approvals import Profile
from partner_agent.wire.documents import AGREEMENT_LABEL, POLICY_LABEL
from partner_agent.wire.touches import Assertion, base64url, challenge
from policies.parts import Owner
from tests.support.passkeys import ORIGIN, RP_ID, SoftPasskey

pytestmark = pytest.mark.anyio

ANA, DIGEST, OTHER = "per_" + "1" * 26, "ab" * 32, "cd" * 32
NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Kept:
    """`identity` with the passkeys of one person."""

    def __init__(self, *keys: SoftPasskey, is_suspended: bool = False) -> None:
        at = NOW if is_suspended else None
        self.keys = [Passkey(one.owner.credential, ANA, one.owner.public_key, "Phone", NOW, at) for one in keys]
        self.passkeys = self

    async def of_person(self, person_id: str) -> list[Passkey]:
        """Ana's."""
        return self.keys if person_id == ANA else []


def signatures(identity: Kept | SimpleNamespace) -> PasskeySignatures:
    """Signatures on this gateway's own pages."""
    return PasskeySignatures(identity, Profile(rp_id=RP_ID, origin=ORIGIN))  # type: ignore[arg-type]


async def test_what_is_no_signature_of_this_version_is_refused():
    """None, another version's, another label's, a stranger's, another page's, one that is far too long."""
    mine, stranger = SoftPasskey("a"), SoftPasskey("b")
    good = mine.approve(AGREEMENT_LABEL, DIGEST)
    wrong: list[Assertion | None] = [
        None,
        mine.approve(AGREEMENT_LABEL, OTHER),
        mine.approve(POLICY_LABEL, DIGEST),
        stranger.approve(AGREEMENT_LABEL, DIGEST),
        mine.approve(AGREEMENT_LABEL, DIGEST, origin="https://evil.example"),
        Assertion(good.credential, good.client_data, good.authenticator_data, "A" * 5000),
    ]
    for touch in wrong:
        with pytest.raises(PreconditionError):
            await signatures(Kept(mine)).signed(ANA, DIGEST, touch)


async def test_what_is_kept_is_enough_to_check_it_again():
    """The page offers the challenge of this version; whoever has the kept signature verifies it without us."""
    mine = SoftPasskey("a")
    offer = await signatures(Kept(mine)).offer(ANA, DIGEST)
    assert offer is not None
    assert offer.challenge == base64url(challenge(AGREEMENT_LABEL, bytes.fromhex(DIGEST)))
    assert offer.credentials == (mine.owner.credential,)

    kept = json.loads(await signatures(Kept(mine)).signed(ANA, DIGEST, mine.approve(AGREEMENT_LABEL, DIGEST)))
    parts = {name: kept[name] for name in Assertion.__struct_fields__}
    approvals.verify(
        Assertion(**parts),
        label=kept["label"],
        digest=bytes.fromhex(kept["digest"]),
        path=None,
        profile=Profile(rp_id=kept["rp_id"], origin=kept["origin"]),
        owners=(Owner(kept["credential"], kept["public_key"], is_suspended=False),),
    )


async def test_whoever_has_no_living_passkey_signs_with_the_session():
    """Nobody's passkey is asked of somebody who has none, or only one that they suspended."""
    for identity in (Kept(), Kept(SoftPasskey("a"), is_suspended=True)):
        assert await signatures(identity).offer(ANA, DIGEST) is None
        assert await signatures(identity).signed(ANA, DIGEST, None) == ""
    assert await signatures(Kept(SoftPasskey("a"))).offer("per_" + "2" * 26, DIGEST) is None


async def test_the_agency_is_called_what_it_calls_itself():
    """The city's own name, from its record."""

    async def agency() -> SimpleNamespace:
        return SimpleNamespace(name="Springfield")

    assert await signatures(SimpleNamespace(people=SimpleNamespace(agency=agency))).agency_name() == "Springfield"
