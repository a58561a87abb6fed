"""How far a site has come with what its owner wants, and what follows from that for its documents."""

from gateway.partners import Site
from gateway.sharing import model
from gateway.sharing.model import Answers, DocumentState, Plan, Step, policy_of
from gateway.sharing.ports import SharingRows, SiteAgent, StoredDocument
from gateway.sharing.site_book import SiteBook
from gateway.sharing.views import Standing
from partner_agent.wire.documents import NO_PARENT
from policies.model import read_policy


class Standings:
    """Compares what is wanted at a site with what it holds."""

    def __init__(self, *, rows: SharingRows, book: SiteBook) -> None:
        self._rows = rows
        self._book = book

    async def plan(self, site: Site, known: Answers | None, answers: Answers) -> Plan:
        """What follows from the new answers for where the site stands, pending narrowing included."""
        agent, packs = await self._book.agents.agent_of(site.id), self._book.packs
        facts = await self._book.facts(site.id, site.organisation_id, agent)
        wanted = policy_of(facts, answers.effective)
        if known is not None and known.pending is not None:
            return model.plan(read_policy(known.pending), wanted, owners=answers.owners, packs=packs)
        held = await held_by(self._rows, agent)
        return model.plan(read_policy(held.raw) if held else None, wanted, owners=answers.owners, packs=packs)

    async def standing(self, site: Site, answers: Answers | None) -> Standing:
        """Where a site stands with these answers."""
        agent = await self._book.agents.agent_of(site.id)
        if answers is None:
            return Standing.NOTHING_SAID
        if agent is None:
            return Standing.NOT_CONNECTED
        if answers.pending is not None:
            return Standing.TO_CONFIRM
        shared = await self._shared(answers)
        if shared and shared == await self.unticked(site, answers):
            return Standing.NOT_TICKED
        if (await self.plan(site, answers, answers)).proposal is None:
            return Standing.IN_FORCE if await held_by(self._rows, agent) else Standing.NOTHING_SHARED
        base = agent.acked_sha256 or NO_PARENT
        here = [one for one in await self._rows.waiting(agent.id) if one.parent_sha256 == base]
        is_refused = bool(here) and here[0].state is DocumentState.REFUSED and here[0].step is Step.PROPOSAL
        return Standing.REFUSED if is_refused else Standing.TO_APPROVE

    async def unticked(self, site: Site, answers: Answers | None) -> set[str]:
        """Cameras that the answers share, at a site whose agent has no such camera."""
        agent = await self._book.agents.agent_of(site.id)
        if answers is None or agent is None:
            return set()
        ticked = await self._book.ticked(agent)
        return await self._shared(answers) - set(ticked)

    async def _shared(self, answers: Answers) -> set[str]:
        """The cameras that the answers speak of, as far as nobody switched them off."""
        labelled = {camera.id: camera.facts.labels for camera in await self._book.cameras.of_site(answers.site_id)}
        return {name for clause in answers.effective for name in clause.over(labelled).cameras}


async def held_by(rows: SharingRows, agent: SiteAgent | None) -> StoredDocument | None:
    """The newest document the site acknowledged, in the lineage it is in now."""
    if agent is None or not agent.acked_sha256:
        return None
    document = await rows.document(agent.acked_sha256)
    if document is None or (document.agent_id, document.lineage) != (agent.id, agent.lineage):
        return None
    return document
