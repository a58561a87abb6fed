"""Wires sharing between the partners who decide and the agents that obey, and to the owner's first page."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypedDict

from gateway.app.agents_on_site import AgentsOnSite
from gateway.app.ground import Ground, postgres_dsn
from gateway.app.lists import build_evaluations, build_lists
from gateway.app.settings import Settings
from gateway.cameras import Camera, Cameras
from gateway.desks.portal import CameraStatus
from gateway.desks.portal.ports import BadgeState
from gateway.edge.health import Probe
from gateway.identity import Identity, Passkeys
from gateway.incidents import Incidents
from gateway.kernel.background import Background, Place
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import PreconditionError
from gateway.kernel.principal import Principal
from gateway.partners import Partners, Site
from gateway.sharing import (
    EVERYBODY,
    Agency,
    Approvals,
    CameraCard,
    Decisions,
    Effects,
    Evaluations,
    Everywhere,
    Freshness,
    GivenUsage,
    History,
    InForce,
    LawSpreader,
    Layering,
    Listing,
    Ordinances,
    Outbox,
    Owners,
    Prover,
    Sharing,
    Signs,
    SiteBook,
    Standing,
    Stopping,
    Touches,
    ViewHistory,
    WhoSees,
    follow_forever,
)
from gateway.sharing.ordinance_store import SqlOrdinances
from gateway.sharing.store import SqlSharing
from gateway.web import _
from partner_agent.wire.approvals import Profile
from policies import packs
from policies.agency import AgencyRule
from policies.clauses import Live
from policies.fields import PolicyError
from policies.layers import AgencyLayer
from policies.places import PlacePack

_LIVE: Final[Mapping[Live, tuple[BadgeState, str, str]]] = {
    Live.NEVER: ("unavailable", "On the list", "Nobody can watch it live."),
    Live.ASK: ("ask", "Ask me", "Live only after your yes, once for an incident, for five minutes."),
    Live.NEARBY: ("permitted", "Shared", "Live only for an incident nearby."),
    Live.ALWAYS: ("permitted", "Shared", "Live at any time your rules name."),
}
_STANDING: Final = {
    Standing.NOT_CONNECTED: "Nobody can look until your site is connected.",
    Standing.NOT_TICKED: "Nobody can look until you say which camera of your site this is.",
    Standing.TO_CONFIRM: "Saved. Waiting for your site to confirm.",
    Standing.TO_APPROVE: "Sharing more waits for your approval.",
    Standing.REFUSED: "Sharing more was declined on site.",
}
_OFF: Final = ("Not shared", "Sharing is off: nobody can look or ask.")
_UNREACHED: Final = "Not connected"


class SharingTies:
    """What those who are built before sharing need of it: an end with the site, and the cards of the first page."""

    def __init__(self) -> None:
        self._sharing: Sharing | None = None
        self._owners: Owners | None = None
        self._passkeys: Passkeys | None = None
        self._stopping: Stopping | None = None

    def tie(self, sharing: Sharing, owners: Owners, passkeys: Passkeys, stopping: Stopping) -> None:
        """This is it."""
        self._sharing, self._owners, self._passkeys, self._stopping = sharing, owners, passkeys, stopping

    async def member_leaves(self, principal: Principal, person_id: str) -> None:
        """Their passkeys approve nothing more at the organisation's sites (`partners.MemberWatcher`)."""
        if self._owners is None or self._passkeys is None:
            return
        for passkey in await self._passkeys.of_person(person_id):
            with suppress(PreconditionError):  # without an agreement everything is refused anyway
                await self._owners.leave(principal, passkey.credential)

    async def agreement_changed(self, unit: UnitOfWork) -> None:
        """What is agreed is another (`partners.AgreementWatcher`)."""
        if self._sharing:
            await self._sharing.agreement_changed(unit)

    async def site_changed(self, unit: UnitOfWork, site: Site) -> None:
        """What the site should hold may be another document now (`partners.SiteWatcher`)."""
        if self._sharing:
            await self._sharing.site_changed(unit, site)

    async def site_removed(self, unit: UnitOfWork, site: Site) -> None:
        """What was said about the site goes with it (`partners.SiteWatcher`)."""
        if self._sharing:
            await self._sharing.site_removed(unit, site)

    async def statuses(self, cameras: Sequence[Camera]) -> Mapping[str, CameraStatus]:
        """How each camera stands (`portal.Sharing`)."""
        cards = await self._sharing.cards(cameras) if self._sharing else {}
        return {name: _status(card, card.live) for name, card in cards.items() if card.live is not None}

    async def switch(self, principal: Principal, camera: Camera, *, is_on: bool) -> None:
        """The one switch of a card (`portal.Sharing`)."""
        if self._sharing:
            await self._sharing.switch(principal, camera, is_on=is_on)

    async def is_stopped(self, organisation_id: str) -> bool:
        """Whether nothing is shared with anybody (`portal.Sharing`)."""
        return bool(self._stopping and EVERYBODY in await self._stopping.stopped(organisation_id))

    async def has_rules(self, organisation_id: str) -> bool:
        """Whether anything was said (`portal.Sharing`)."""
        return bool(self._sharing and await self._sharing.has_rules(organisation_id))


class TheAgency:
    """`sharing.AgencyDirectory` over identity."""

    def __init__(self, identity: Identity) -> None:
        self._people = identity.people

    async def agency(self) -> Agency:
        """The one agency of this gateway."""
        agency = await self._people.agency()
        return Agency(agency.id, agency.name)


class ForHandlers(TypedDict):
    """What handlers get of sharing, by name."""

    sharing: Sharing
    site_owners: Owners
    approvals: Approvals
    everywhere: Everywhere
    decisions: Decisions
    who_sees: WhoSees
    history: History
    signs: Signs
    listing: Listing
    evaluations: Evaluations
    ordinances: Ordinances
    ordinance: InForce
    stopping: Stopping


@dataclass(frozen=True, slots=True)
class SharingServices:
    """What is built together."""

    sharing: Sharing
    owners: Owners
    approvals: Approvals
    outbox: Outbox
    decisions: Decisions
    listing: Listing
    evaluations: Evaluations
    touches: Touches
    freshness: Freshness
    who_sees: WhoSees
    stopping: Stopping
    history: History
    signs: Signs
    agents: AgentsOnSite
    ordinances: Ordinances
    ordinance: InForce
    background: tuple[Background, ...]

    @property
    def probes(self) -> tuple[Probe, ...]:
        """This process hears of what is taken back, and decides by the ordinance pack that was approved last."""
        return Probe("freshness", self.freshness.demand), Probe("ordinance", self.ordinance.demand)

    @property
    def for_handlers(self) -> ForHandlers:
        """What handlers get."""
        return ForHandlers(
            sharing=self.sharing,
            site_owners=self.owners,
            approvals=self.approvals,
            everywhere=Everywhere(approvals=self.approvals),
            decisions=self.decisions,
            who_sees=self.who_sees,
            history=self.history,
            signs=self.signs,
            listing=self.listing,
            evaluations=self.evaluations,
            ordinances=self.ordinances,
            ordinance=self.ordinance,
            stopping=self.stopping,
        )


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The packs that the settings name."""

    ordinance: InForce
    rules: tuple[AgencyRule, ...]
    places: tuple[PlacePack, ...]


def _load(settings: Settings, ordinances: SqlOrdinances) -> _Loaded:
    law = f"{settings.ordinance}/pack.json"
    try:
        start = packs.load_document("ordinances", law)
        with _of_file(f"ordinances/{law}"):
            in_force = InForce(start=start, rows=ordinances)
        with _of_file(f"agencies/{settings.agency_rules}.json"):
            rules = packs.agency_rules(settings.agency_rules)
        return _Loaded(
            ordinance=in_force,
            rules=rules,
            places=tuple(packs.place(name) for name in packs.places()),
        )
    except PolicyError as error:
        raise PreconditionError(
            f"The rules of this gateway cannot be loaded: {error}. Name packs that exist and are whole."
        ) from error


@contextmanager
def _of_file(file: str) -> Iterator[None]:
    """A mistake inside a file is said with the file's name."""
    try:
        yield
    except PolicyError as error:
        if error.path == file:
            raise
        raise PolicyError(f"{file}: {error.path}", error.sentence) from error


def build_sharing(
    ground: Ground,
    *,
    partners: Partners,
    cameras: Cameras,
    incidents: Incidents,
    identity: Identity,
    ties: SharingTies,
    usage: GivenUsage,
    history: ViewHistory,
) -> SharingServices:
    """Sharing over the packs that the settings name, until `InForce.take_over` finds that two people approved another.

    Raises:
        PreconditionError: a pack is missing or not whole; the gateway does not start without its guard-rails.
    """
    loaded = _load(ground.settings, SqlOrdinances(ground.database))
    agents, rows = AgentsOnSite(), SqlSharing(ground.database)
    book = _book(loaded, partners=partners, cameras=cameras, agents=agents, agency=TheAgency(identity))
    database, log, bus, clock, prover = ground.database, ground.log.audit, ground.bus, ground.clock, Prover()
    sharing = _sharing(ground, rows, book, places=loaded.places, prover=prover, history=history, usage=usage)
    outbox = _outbox(ground, rows=rows, book=book)
    freshness = Freshness(generations=database, clock=clock, take_over=loaded.ordinance.take_over)
    layering = _layering(rows, book, loaded, freshness=freshness, usage=usage)
    decisions = Decisions(cameras=cameras, layering=layering, freshness=freshness, clock=clock)
    keys = Owners(sharing=sharing, rows=rows, book=book)
    stopping = Stopping(database=database, rows=rows, book=book, sharing=sharing, log=log, clock=clock)
    ties.tie(sharing, keys, identity.passkeys, stopping)
    approvals = Approvals(database=database, rows=rows, book=book, log=log, clock=clock)
    touches = Touches(rows=rows, book=book, profile=profile_of(ground.settings))
    listing, marks = build_lists(ground, cameras=cameras, layering=layering, rows=rows, book=book)
    evaluations = build_evaluations(ground, incidents, cameras=cameras, layering=layering, rows=rows, book=book)
    follow = Background("sharing", lambda: follow_forever(bus=bus, rows=rows, outbox=outbox))
    spreader = LawSpreader(freshness=freshness, ordinance=loaded.ordinance, rows=rows, outbox=outbox, clock=clock)
    proof = Background("proof", prover.run)
    deciding = (decisions, listing, evaluations, touches, freshness)
    signs, law = _signs(ground, sharing, layering, book), (_ordinances(ground), loaded.ordinance)
    telling = (WhoSees(layering=layering), stopping, History(rows=rows, book=book), signs)
    background = (follow, Background("ordinance", spreader.run), marks, proof, *_listening(ground, freshness))
    return SharingServices(sharing, keys, approvals, outbox, *deciding, *telling, agents, *law, background)


def _ordinances(ground: Ground) -> Ordinances:
    return Ordinances(
        database=ground.database,
        rows=SqlOrdinances(ground.database),
        log=ground.log.audit,
        clock=ground.clock,
        ids=ground.ids,
    )


def _book(
    loaded: _Loaded, *, partners: Partners, cameras: Cameras, agents: AgentsOnSite, agency: TheAgency
) -> SiteBook:
    return SiteBook(
        partners=partners,
        cameras=cameras,
        agents=agents,
        agency=agency,
        ordinance=loaded.ordinance,
    )


def _signs(ground: Ground, sharing: Sharing, layering: Layering, book: SiteBook) -> Signs:
    return Signs(
        database=ground.database,
        sharing=sharing,
        who_sees=WhoSees(layering=layering),
        book=book,
        log=ground.log.audit,
        clock=ground.clock,
        ids=ground.ids,
    )


def _outbox(ground: Ground, *, rows: SqlSharing, book: SiteBook) -> Outbox:
    return Outbox(
        gateway=ground.settings.origin.text,
        database=ground.database,
        rows=rows,
        book=book,
        log=ground.log.audit,
        publisher=ground.bus,
        clock=ground.clock,
    )


def _layering(
    rows: SqlSharing, book: SiteBook, loaded: _Loaded, *, freshness: Freshness, usage: GivenUsage
) -> Layering:
    return Layering(
        rows=rows,
        book=book,
        ordinance=loaded.ordinance,
        agency=AgencyLayer(loaded.rules),
        freshness=freshness,
        usage=usage,
    )


def _sharing(
    ground: Ground,
    rows: SqlSharing,
    book: SiteBook,
    *,
    places: Sequence[PlacePack],
    prover: Prover,
    history: ViewHistory,
    usage: GivenUsage,
) -> Sharing:
    return Sharing(
        database=ground.database,
        rows=rows,
        book=book,
        log=ground.log.audit,
        publisher=ground.bus,
        clock=ground.clock,
        places=places,
        effects=Effects(ordinance=book.ordinance, prover=prover, clock=ground.clock, history=history, usage=usage),
    )


def profile_of(settings: Settings) -> Profile:
    """Where passkeys approve: on this gateway's own pages."""
    return Profile(rp_id=settings.origin.host, origin=settings.origin.text)


def _listening(ground: Ground, freshness: Freshness) -> tuple[Background, ...]:
    """What keeps a process confirmed; the driver is imported only where it is used, for it is an extra."""
    look = Background("freshness", freshness.run, Place.EVERYWHERE)
    if ground.database.is_sqlite:
        return (look,)
    from gateway.kernel.postgres_signal import PostgresSignal  # noqa: PLC0415

    signal = PostgresSignal(postgres_dsn(ground.settings), signal=ground.database.signal, clock=ground.clock)
    return (look, Background("listening for changes", signal.run, Place.EVERYWHERE))


def _status(card: CameraCard, live: Live) -> CameraStatus:
    if card.is_stopped:
        return CameraStatus("unavailable", _OFF[0], _("You stopped sharing everything: nobody can look or ask."))
    badge, word, sentence = _LIVE[live] if card.is_on else ("unavailable", *_OFF)
    if card.is_on and card.standing in {Standing.NOT_CONNECTED, Standing.NOT_TICKED}:
        badge, word = "offline", _UNREACHED
    sentences = (sentence, _STANDING.get(card.standing, ""))
    return CameraStatus(badge, word, " ".join(_(each) for each in sentences if each), is_on=bool(card.is_on))
