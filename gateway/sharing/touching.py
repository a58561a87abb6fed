"""An owner's touch for one recording or one live view: what is to be signed, and whether the site would take it.

The site checks a touch itself, by the credentials of its own document and by what it pinned; here it is checked first,
in the same way, so that whoever touched the wrong passkey hears it at once. Nothing is stored for a challenge: it is
made of the request's digest alone, and a touch is good for nothing else.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.kernel.errors import PreconditionError
from gateway.sharing.ports import SharingRows
from gateway.sharing.site_book import SiteBook
from gateway.sharing.standing import held_by
from partner_agent.wire import approvals
from partner_agent.wire.approvals import ApprovalError, Profile
from partner_agent.wire.touches import Assertion, base64url, challenge
from policies.model import Owner, read_policy

ASSERTION_CHARACTERS: Final = 4096  # of each part; real ones have hundreds, and a frame of the link holds 64 KiB
NOT_TAKEN: Final = "Your site would not take this passkey. Use one that approves there, or answer on site."


@dataclass(frozen=True, slots=True)
class TouchOffer:
    """What a page puts to the authenticator.

    Attributes:
        challenge: base64url.
        credentials: the passkeys the site would take it from; empty where only the site itself can answer.
    """

    challenge: str
    credentials: tuple[str, ...]


class Touches:
    """Touches for requests."""

    def __init__(self, *, rows: SharingRows, book: SiteBook, profile: Profile) -> None:
        """`profile`: where passkeys approve: this gateway's own name and origin."""
        self._rows = rows
        self._book = book
        self._profile = profile

    async def offer(self, site_id: str, *, label: str, sha256: str) -> TouchOffer:
        """What is to be signed for the request `sha256` of the kind `label`, and by whom."""
        owners = await self._owners(site_id)
        return TouchOffer(
            challenge=base64url(challenge(label, bytes.fromhex(sha256))),
            credentials=tuple(owner.credential for owner in owners if not owner.is_suspended),
        )

    async def check(self, site_id: str, *, label: str, sha256: str, assertion: Assertion) -> None:
        """Check a touch as the site will.

        Raises:
            PreconditionError: it is none of this site's owners', or for something else.
        """
        if any(len(part) > ASSERTION_CHARACTERS for part in msgspec.structs.astuple(assertion)):
            raise PreconditionError(NOT_TAKEN)
        try:
            approvals.verify(
                assertion,
                label=label,
                digest=bytes.fromhex(sha256),
                path=None,
                profile=self._profile,
                owners=await self._owners(site_id),
            )
        except ApprovalError as error:
            raise PreconditionError(NOT_TAKEN) from error

    async def _owners(self, site_id: str) -> tuple[Owner, ...]:
        held = await held_by(self._rows, await self._book.agents.agent_of(site_id))
        return read_policy(held.raw).owners if held else ()
