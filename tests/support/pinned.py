"""A passkey that a real site names in its document in force, approved there with the PIN."""

from gateway.sharing import Key
from policies.vocabulary import OwnerRole
from tests.support.agent_process import PIN, AgentProcess
from tests.support.passkeys import SoftPasskey
from tests.support.site_server import SiteServer


async def pinned_passkey(
    server: SiteServer, agent: AgentProcess, name: str = "a", *, role: OwnerRole = OwnerRole.OWNER
) -> SoftPasskey:
    """A passkey with a counter; the site names it when this returns."""
    passkey, owners = SoftPasskey(name, count=1), server.services.site_owners
    key = Key(passkey.owner.credential, passkey.owner.public_key, role)
    await owners.ask_for(server.owner, server.site.id, key)

    async def is_proposed() -> bool:
        return len((await agent.ask(do="status"))["proposals"]) == 1

    await server.until(is_proposed)
    (proposal,) = (await agent.ask(do="status"))["proposals"]
    assert (await agent.ask(do="approve", subject=proposal["sha256"], pin=PIN))["ok"] is True

    async def is_named() -> bool:
        named = (await owners.sites(server.owner))[0].named
        return key.credential in {owner.credential for owner in named}

    await server.until(is_named)
    return passkey
