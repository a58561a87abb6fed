"""What stands in where sharing or sites are not part of a gateway: nothing is permitted and no site is there."""

from datetime import datetime

from gateway.evidence.model import ClipRequest
from gateway.evidence.ports import Decision, Kept, SiteUnreachableError, Wanted
from gateway.kernel.principal import Principal


class NoClipLaw:
    """Permits nothing, knows no camera."""

    async def decide(self, principal: Principal, wanted: Wanted, *, now: datetime) -> Decision:
        """No."""
        del principal, wanted, now
        return Decision(is_permitted=False, needs_owner=True, reason="not_wired", place=None)

    async def may_answer(self, principal: Principal, organisation_id: str) -> bool:
        """No."""
        del principal, organisation_id
        return False


class NoClipSites:
    """No site is connected."""

    async def keep(self, request: ClipRequest, *, ask_owner: bool) -> Kept:
        """Nobody is there."""
        del request, ask_owner
        raise SiteUnreachableError

    async def let_go(self, request: ClipRequest) -> None:
        """Nobody keeps anything."""
        del request

    async def release(self, request: ClipRequest, *, upload_url: str, upload_token: str) -> None:
        """Nobody is there."""
        del request, upload_url, upload_token
        raise SiteUnreachableError
