"""The centre's layers of a site, from what is stored: documents, pending narrowing, ordinance, agreement, switch.

Compiled documents are kept by their digest, which names their content for good. What is read of a site is kept until
the generation of the site, its organisation, the agreement, the ordinance or the network says that it changed
(`freshness`); its agent is read each time.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Generic, TypeVar

from gateway.kernel.errors import NotFoundError, PreconditionError
from gateway.kernel.generations import AGREEMENT, ORDINANCE
from gateway.partners import OrganisationState
from gateway.sharing.in_force import InForce
from gateway.sharing.model import EVERYBODY, Answers, policy_of
from gateway.sharing.ports import Confirmed, GivenUsage, SharingRows, SiteAgent, StoredDocument
from gateway.sharing.service import NETWORK
from gateway.sharing.site_book import SiteBook
from gateway.sharing.standing import held_by
from partner_agent.wire import canonical
from policies.layers import AgencyLayer, GuardrailLayer, Layers, SharingLayer
from policies.model import read_policy
from policies.parts import Envelope
from policies.request import Facts, Invariants, Place, Usage
from policies.vocabulary import Rank

COMPILED: Final = 5_000  # documents kept compiled, about 40 KiB each
SITES: Final = 5_000  # whose layers are kept
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SiteLayers:
    """Everything of a site that decisions stand on.

    Attributes:
        document: the newest acknowledged document, or None.
        sharing: the documents that must all permit, compiled; empty where none is acknowledged.
        draft: what the owner answered, in our own names of the cameras: for those that are on the list only.
        suspended: agencies that the organisation shares nothing with, or `EVERYBODY`.
        names: connected cameras to their names in the documents.
        panic_until: until when the site itself calls for help.
        drawn: by the camera's name in the documents, the areas that the site can make black.
    """

    document: StoredDocument | None
    sharing: tuple[SharingLayer, ...]
    draft: SharingLayer | None
    names: Mapping[str, str]
    envelope: Envelope | None
    guardrail: GuardrailLayer
    agency: AgencyLayer
    invariants: Invariants
    network: int
    generation: int
    suspended: frozenset[str] = frozenset()
    panic_until: datetime | None = None
    drawn: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def has_pending(self) -> bool:
        """Whether a narrowing that the site has not acknowledged has to permit too."""
        return len(self.sharing) > 1

    @property
    def guardrail_digest(self) -> str:
        """The ordinance pack in force at the centre."""
        return self.guardrail.guardrail.digest

    def for_agency(self, agency: str) -> "SiteLayers":
        """As they are for one agency: switched off where the organisation shares nothing with it."""
        if self.suspended.isdisjoint({EVERYBODY, agency}):
            return self
        return replace(self, invariants=replace(self.invariants, is_suspended=True))

    def for_camera(self, name: str) -> "SiteLayers":
        """As they are for one camera: what can be black in its pictures."""
        drawn = self.drawn.get(name, frozenset())
        return replace(self, invariants=replace(self.invariants, drawn_masks=drawn)) if drawn else self

    def layers(self, facts: Facts) -> Layers | None:
        """The layers of a release; None where the site acknowledged nothing."""
        return self._layers(self.sharing, facts) if self.sharing else None

    def drafted(self, facts: Facts) -> Layers | None:
        """The layers of what the owner answered about cameras on the list: good for the map and nothing else."""
        return None if self.draft is None else self._layers((self.draft,), facts)

    def _layers(self, sharing: tuple[SharingLayer, ...], facts: Facts) -> Layers:
        return Layers(
            place=Place.CENTRE,
            invariants=self.invariants,
            guardrail=self.guardrail,
            envelope=self.envelope,
            sharing=sharing,
            facts=replace(facts, panic_until=self.panic_until),
            agency=self.agency,
        )


@dataclass(frozen=True, slots=True)
class _Network:
    """The switch of the whole network."""

    is_suspended: bool
    generation: int


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    """What was read, at which generation of everything, of which agent."""

    as_of: int
    agent: SiteAgent | None
    value: T


class Layering:
    """Builds the layers of sites."""

    def __init__(
        self,
        *,
        rows: SharingRows,
        book: SiteBook,
        ordinance: InForce,
        agency: AgencyLayer,
        freshness: Confirmed,
        usage: GivenUsage | None = None,
    ) -> None:
        self._rows = rows
        self._book = book
        self._freshness = freshness
        self._ordinance = ordinance
        self._agency = agency
        self._usage = usage
        self._compiled: OrderedDict[str, SharingLayer] = OrderedDict()
        self._sites: OrderedDict[str, _Kept[SiteLayers]] = OrderedDict()
        self._network: _Kept[_Network] | None = None

    async def guardrail(self) -> GuardrailLayer:
        """The ordinance in force at the centre, as far as this process can know now."""
        await self._freshness.catch_up()
        return self._ordinance.layer

    @property
    def second_person(self) -> Rank | None:
        """The rank that the ordinance in force asks of whoever confirms as the second person."""
        return self._ordinance.pack.limits.second_person

    @property
    def agency(self) -> AgencyLayer:
        """The agency's own rules."""
        return self._agency

    def panicking(self) -> frozenset[str]:
        """The sites that call for help now."""
        return self._book.agents.panicking()

    async def is_suspended(self) -> bool:
        """Whether sharing is switched off for the whole network."""
        await self._freshness.catch_up()
        return (await self._network_now()).is_suspended

    async def is_switched_off(self, organisation_id: str, agency_id: str) -> bool:
        """Whether the network, or this owner for this agency, is switched off; no more of a site is read."""
        if await self.is_suspended():
            return True
        return not {EVERYBODY, agency_id}.isdisjoint(await self._rows.suspensions(organisation_id))

    async def usage(self, site_id: str, *, without_session: str = "") -> Usage:
        """What the site is giving, as far as the centre counts it."""
        return (await self.usages({site_id}, without_session=without_session)).get(site_id, Usage())

    async def usages(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """What each of these sites is giving; those that give nothing are left out."""
        if self._usage is None or not sites:
            return {}
        return await self._usage.usage(sites, without_session=without_session)

    async def of_site(self, site_id: str, organisation_id: str) -> SiteLayers:
        """The layers of one site as they are now."""
        await self._freshness.catch_up()
        as_of = self._freshness.stamp
        agent = await self._book.agents.agent_of(site_id)
        kept = self._sites.get(site_id)
        stands_on = (site_id, organisation_id, AGREEMENT, ORDINANCE)
        if kept is None or kept.agent != agent or not self._is_current(kept.as_of, *stands_on):
            kept = _Kept(as_of, agent, await self._read(site_id, organisation_id, agent))
            self._sites[site_id] = kept
            if len(self._sites) > SITES:
                self._sites.popitem(last=False)
        if site_id in self._sites:
            self._sites.move_to_end(site_id)
        network = await self._network_now()
        switched = replace(kept.value.invariants, is_suspended=network.is_suspended)
        law = self._ordinance.layer  # taken over meanwhile, it counts
        return replace(kept.value, invariants=switched, network=network.generation, guardrail=law)

    async def as_stored(self, site_id: str, organisation_id: str) -> SiteLayers:
        """The layers of one site read from its rows now, for whoever keeps what follows from them."""
        self._sites.pop(site_id, None)
        return await self.of_site(site_id, organisation_id)

    def _is_current(self, as_of: int, *scopes: str) -> bool:
        """Whether what was read then still is so, as far as a confirmed process knows."""
        return self._freshness.is_confirmed and self._freshness.changed_at(*scopes) <= as_of

    async def _network_now(self) -> "_Network":
        kept, as_of = self._network, self._freshness.stamp
        if kept is None or not self._is_current(kept.as_of, NETWORK):
            now = _Network(await self._rows.is_suspended(), self._freshness.changed_at(NETWORK))
            kept = self._network = _Kept(as_of, None, now)
        return kept.value

    async def _read(self, site_id: str, organisation_id: str, agent: SiteAgent | None) -> SiteLayers:
        """Everything of a site, from its rows; the switch of the network is set by whoever asked."""
        answers = await self._rows.answers(site_id)
        document = await held_by(self._rows, agent)
        sharing: tuple[SharingLayer, ...] = ()
        if document is not None:
            contents = [document.raw, *([answers.pending] if answers and answers.pending is not None else [])]
            sharing = tuple(self._layer(content) for content in contents)
        draft, envelope = await self._draft(site_id, organisation_id, answers)
        return SiteLayers(
            document=document,
            sharing=sharing,
            draft=draft,
            names=await self._names(agent) if sharing and agent else {},
            envelope=envelope,
            guardrail=self._ordinance.layer,
            agency=self._agency,
            invariants=await self._invariants(organisation_id, agent),
            network=0,
            generation=self._freshness.changed_at(site_id),
            suspended=frozenset(await self._rows.suspensions(organisation_id)),
            panic_until=agent.panic_until if agent else None,
            drawn=await self._drawn(agent) if agent else {},
        )

    def _layer(self, content: Mapping[str, object]) -> SharingLayer:
        key = canonical.sha256_hex(content)
        if key not in self._compiled:
            self._compiled[key] = SharingLayer(read_policy(content))
            if len(self._compiled) > COMPILED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]

    async def _drawn(self, agent: SiteAgent) -> Mapping[str, frozenset[str]]:
        return {name: frozenset(areas) for name, areas in (await self._book.agents.areas(agent.id)).items() if areas}

    async def _names(self, agent: SiteAgent) -> Mapping[str, str]:
        return await self._book.agents.ticked(agent.id)

    async def _draft(
        self, site_id: str, organisation_id: str, answers: Answers | None
    ) -> tuple[SharingLayer | None, Envelope | None]:
        """What the owner answered, in our names; and the agreement. Without an accepted agreement there is neither."""
        try:
            facts = await self._book.facts(site_id, organisation_id, None)
        except PreconditionError:
            return None, None
        draft = None if answers is None else self._layer(policy_of(facts, answers.effective).to_document())
        return draft, facts.envelope

    async def _invariants(self, organisation_id: str, agent: SiteAgent | None) -> Invariants:
        try:
            organisation = await self._book.partners.organisation(organisation_id)
            is_active = organisation.state is OrganisationState.ACTIVE
        except NotFoundError:
            is_active = False
        return Invariants(
            is_camera_present=True,  # it is in the document and on the list, or the request does not come this far
            is_paused=agent is not None and agent.is_paused,
            is_suspended=True,  # until the switch was read
            is_partner_active=is_active,
        )
