"""A whole gateway around one shop, in one process, where whatever may change an answer can be made to happen.

Everything is wired as in production: rules, marks, incidents, emergency access, requests to owners, live views and what
ends them. Two ends are ours: the relay, and the site's link, whose agent takes what it is asked and says what a test
wants. Time passes only when a test says so.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.app.services import Services
from gateway.cameras import Box
from gateway.emergency import Need
from gateway.identity.model import Credential, ref_of
from gateway.identity.sign_in import Attempt
from gateway.incidents import Incident, IncidentReport
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, InvalidError, LimitedError, NotFoundError, UnavailableError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import AskWish, Session, ViewDeny, ViewQuestion
from gateway.live.ports import EngineFeatures
from gateway.sharing import Freshness, Marker, Question, Search
from gateway.sites.hub import Online
from gateway.sites.links import Peer
from gateway.sites.model import AgentState
from gateway.sites.store import SiteStore
from partner_agent.wire import classes
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.messages import Message, SiteState, ViewAnswer
from policies.clauses import Clause
from policies.request import Permit
from policies.vocabulary import Act, IncidentKind, Origin
from tests.fakes.clock import HeldClock
from tests.fakes.ids import SequentialIds
from tests.support.application import services_for, settings_for
from tests.support.live import BROWSER, FakeRelay, FakeSite
from tests.support.shops import HERE, LINEAGE, Shop, sharing_shop
from tests.support.waiting import until

ADMIN = Principal(PrincipalKind.AGENCY, "per_" + "7" * 26, "age_1", frozenset({Role.ADMIN}), name="Ada")
EVERYWHERE = Box(-90, -180, 90, 180)
PURPOSE = "violent_crime"
AVAILABLE, IF, NOT, UNKNOWN = "available", "available_if", "not_available", "unknown"
FEATURES = EngineFeatures(
    keeps_one_certificate=True,
    confirms_ends=True,
    is_fenced=True,
    starts_at_once=True,
    restarts_ice=True,
    repairs_apart=True,
    counts=True,
    carries_sound=False,
)
RUNNING = ("freshness", "live views", "requests to watch", "leases", "views follow rules", "views follow incidents")


class Relay(FakeRelay):
    """The relay, which is there."""

    @property
    def features(self) -> EngineFeatures:
        """As of a server that forwards pictures alone."""
        return FEATURES

    async def figures(self) -> dict[str, int]:
        """It answers."""
        return {}


class SiteLink:
    """The link of a site whose agent does what it is asked."""

    def __init__(self, peer: Peer, agent: FakeSite) -> None:
        self.peer, self.agent = peer, agent
        self.is_open = True

    async def ask(self, message: Message, *, deadline_s: float) -> Message:
        """As `Link`."""
        return await self.agent.send(self.peer.agent_id, message, deadline_s=deadline_s)

    def tell(self, message: Message) -> None:
        """As `Link`."""
        self.agent.tell(self.peer.agent_id, message)

    def end(self, code: int) -> None:
        """As `Link`."""
        del code
        self.is_open = False


@dataclass
class City:
    """The shop, who looks, and what they look at.

    Attributes:
        confirmation_id: the second person's word that a view is opened with.
        sessions: how each of the agency's people is signed in.
    """

    shop: Shop
    services: Services
    clock: HeldClock
    site: FakeSite
    marker: Marker
    watcher_id: str
    supervisor_id: str
    incident_id: str
    confirmation_id: str = ""
    sessions: dict[str, str] = field(default_factory=dict)

    # --- who looks, and what they read

    async def person(self, person_id: str) -> Principal | None:
        """Somebody of the agency as they are now."""
        held = await self.services.identity.people.membership(person_id)
        if held is None:
            return None
        return Principal(
            kind=PrincipalKind.AGENCY,
            person_id=person_id,
            organisation_id=held.organisation_id,
            roles=held.roles,
            unit=held.unit,
            session_ref=self.sessions[person_id],
            factors=frozenset({"password", "totp"}),
        )

    async def incident(self) -> Incident:
        """Why they look."""
        found = await self.services.incidents.find(self.incident_id)
        assert found is not None
        return found

    async def decided(self) -> str:
        """The single decision, with nobody's yes."""
        principal = await self.person(self.watcher_id)
        if principal is None:
            return UNKNOWN
        question = Question(
            principal=principal,
            camera_id=self.shop.camera.id,
            act=Act.LIVE_VIEW,
            purpose=PURPOSE,
            incident=await self.incident(),
        )
        try:
            decision = (await self.services.decisions.decide_for(question)).decision
        except NotFoundError:
            return UNKNOWN
        return AVAILABLE if isinstance(decision, Permit) else _word(decision.remedy)

    async def listed(self) -> str:
        """The camera's row in the list of all cameras."""
        principal = await self.person(self.watcher_id)
        if principal is None:
            return UNKNOWN
        search = Search(principal=principal, purpose=PURPOSE, incident=await self.incident())
        page = await self.services.listing.page(search, EVERYWHERE)
        return next((str(one.look.availability) for one in page.listed), UNKNOWN)

    async def granted(self) -> str:
        """What opening the picture would be answered, with the yes of an owner or a second person if there is one."""
        principal = await self.person(self.watcher_id)
        if principal is None:
            return UNKNOWN
        question = ViewQuestion(
            principal=principal,
            camera_id=self.shop.camera.id,
            purpose=PURPOSE,
            incident_id=self.incident_id,
            confirmation_id=self.confirmation_id,
        )
        try:
            _, decision = await self.services.live._verdicts.on_new(question)
        except NotFoundError:
            return UNKNOWN
        return _word(decision.remedy) if isinstance(decision, ViewDeny) else AVAILABLE

    async def on_desk(self) -> str:
        """The camera's line on the operator's desk.

        Where the incident is no reason to look, no camera is listed there: nothing is available.
        """
        principal = await self.person(self.watcher_id)
        if principal is None:
            return UNKNOWN
        try:
            scene = await self.services.console.scene(principal, self.incident_id, purpose=PURPOSE)
        except InvalidError:
            return NOT
        if not scene.is_active:
            return NOT
        return next((line.availability for line in scene.lines), UNKNOWN)

    # --- views

    async def opens(self) -> Session | None:
        """The person opens the picture and its site accepts it; None where they are refused."""
        principal = await self.person(self.watcher_id)
        if principal is None:
            return None
        with suppress(DeniedError, LimitedError, NotFoundError, UnavailableError):
            opened = await self.services.live.open(
                principal,
                camera_id=self.shop.camera.id,
                purpose=PURPOSE,
                incident_id=self.incident_id,
                fingerprint=BROWSER,
                confirmation_id=self.confirmation_id,
            )
            await until(lambda: self._accepted(opened.session_id))
            return self._running(opened.session_id)
        return None

    def _accepted(self, session_id: str) -> bool:
        session = self._running(session_id)
        return session is None or session.accepted_at is not None

    def _running(self, session_id: str) -> Session | None:
        return next((one for one in self.services.live.running() if one.id == session_id), None)

    def runs(self, session: Session) -> bool:
        """Whether pictures pass."""
        return self._running(session.id) is not None

    # --- what can happen

    async def says(self, *, is_approved: bool = True, **changes: Any) -> None:
        """The owner saves other answers; the site takes them."""
        known = await self.services.sharing.answers_of(self.shop.owner.organisation_id)
        answers = known[self.shop.site.id]
        clauses: list[Clause] = [replace(clause, **changes) for clause in answers.clauses]
        await self.services.sharing.save(self.shop.owner, self.shop.site.id, clauses, made_from=answers.version)
        if is_approved:
            await self.acknowledged()

    async def acknowledged(self) -> None:
        """The site takes what is due, its owner there approving."""
        for _ in range(3):  # what narrows comes first, then what waits for approval
            await self.shop.acknowledges()
        await self.tells()

    async def tells(self, *states: str, panic_until: datetime | None = None) -> None:
        """The site says how things stand there."""
        hub = self.services.sites.hub
        agent = await self.services.sites.agents.agent(self.shop.agent_id)
        online = hub.online(self.shop.agent_id)
        assert agent is not None
        assert online is not None
        message = SiteState(
            id=hub.new_id(),
            lineage=LINEAGE,
            seq=agent.acked_seq,
            sha256=agent.acked_sha256,
            states=list(states),
            vocabulary=1,
            tzdata="2026a",
            version="0.1.0",
            panic_until=None if panic_until is None else to_rfc3339(panic_until),
        )
        await hub._receive(online.link, message)

    async def passes(self, seconds: float) -> None:
        """Time passes; the log keeps up, and the heartbeats of a site that is there go on."""
        await self.services.sequencer.drain()
        await self.sees()
        await anyio.wait_all_tasks_blocked()  # whoever follows what changed has looked at it by now
        self.clock.advance(seconds)
        online = self.services.sites.hub.online(self.shop.agent_id)
        if online is not None:
            online.fresh_at = self.clock.monotonic()
        await self.sees()

    async def sees(self) -> None:
        """This process knows how things stand, however busy the machine is."""
        freshness: Freshness = self.services.decisions._freshness  # type: ignore[assignment]
        await freshness.look()

    def in_ms(self, seconds: float) -> int:
        """A moment to come, milliseconds since 1970."""
        return round((self.clock.now() + timedelta(seconds=seconds)).timestamp() * 1000)

    async def asks_owner(self) -> None:
        """The person asks the owner to look once."""
        principal = await self.person(self.watcher_id)
        assert principal is not None
        wish = AskWish(camera_id=self.shop.camera.id, purpose=PURPOSE, incident_id=self.incident_id)
        await self.services.view_asks.ask(principal, wish)

    async def answers(self, *, is_yes: bool) -> None:
        """The owner answers on site, which signs what they said."""
        hub = self.services.sites.hub
        online = hub.online(self.shop.agent_id)
        (ask,) = await self.services.view_asks.list_for(self.shop.owner)
        assert online is not None
        said = {"label": VIEW_LABEL, "digest": ask.document_sha256, "answer": "yes" if is_yes else "no"}
        token = self.site.say(classes.SITE_APPROVAL, said)
        await hub._receive(online.link, ViewAnswer(id=hub.new_id(), token=token))

    async def asks_second(self) -> None:
        """The person asks a second one to confirm."""
        principal = await self.person(self.watcher_id)
        assert principal is not None
        need = Need(
            camera_id=self.shop.camera.id, act=Act.LIVE_VIEW.value, purpose=PURPOSE, incident_id=self.incident_id
        )
        self.confirmation_id = (await self.services.emergencies.ask(principal, need)).id

    async def seconds(self) -> None:
        """A supervisor confirms it."""
        second = await self.person(self.supervisor_id)
        assert second is not None
        await self.services.emergencies.confirm(second, self.confirmation_id)

    async def goes_offline(self) -> None:
        """The link is gone."""
        del self.services.sites.hub._online[self.shop.agent_id]


def _word(remedy: object) -> str:
    return NOT if str(remedy) == "none" else IF


@asynccontextmanager
async def city(database: Database, folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    """All of it, running."""
    patch.setattr("gateway.live.build.RelayClient", lambda **_: Relay())
    clock = HeldClock()
    services = services_for(settings_for(folder), database, clock=clock, ids=SequentialIds())
    try:
        shop = await sharing_shop(services)
        await _administered(services)
        watcher = await _hired(services, "olga@city.example", Role.OPERATOR)
        supervisor = await _hired(services, "sam@city.example", Role.SUPERVISOR)
        site = FakeSite(services.keyring, clock, agent_id=shop.agent_id, device=shop.device)
        marker: Marker = _work(services, "marks").__self__  # type: ignore[attr-defined]
        people = dict((watcher, supervisor))
        report = IncidentReport(IncidentKind.ROBBERY, Origin.CAD, HERE.lat, HERE.lon, number="26-2")
        incident = await services.incidents.feed(shop.operator.organisation_id, report)
        made = City(shop, services, clock, site, marker, watcher[0], supervisor[0], incident.id, sessions=people)
        await _linked(made)
        async with anyio.create_task_group() as tasks:
            for name in RUNNING:
                tasks.start_soon(_work(services, name))
            await until(lambda: services.live.is_running)
            await made.acknowledged()
            yield made
            tasks.cancel_scope.cancel()
    finally:
        await services.close()


def _work(services: Services, name: str) -> Callable[[], Any]:
    return next(work.run for work in services.background if work.name == name)


async def _administered(services: Services) -> None:
    """Somebody can always administer."""
    people = services.identity.people
    await people.invite_first_admin(email="ada@city.example", name="Ada")
    (ada,) = await people.users()
    async with services.database.unit_of_work() as unit:
        await people._secrets.put_credential(unit, Credential(ada.person.id, "", b"", 0), at=services.clock.now())
        await unit.commit(unaudited="a sign-in nobody makes")


async def _hired(services: Services, mail: str, role: Role) -> tuple[str, str]:
    """Somebody of the agency, signed in: who, and their session."""
    people = services.identity.people
    await people.invite(email=mail, name=mail, roles=frozenset({role}), unit_name="rtcc", by=ADMIN)
    person = next(user.person for user in await people.users() if user.person.email == mail)
    async with services.database.unit_of_work() as unit:
        attempt = Attempt(address="192.0.2.9")
        token = await services.identity.sign_in.begin_agency_session(unit, person.id, attempt)
        await unit.commit()
    return person.id, ref_of(token)


async def _linked(made: City) -> None:
    store = SiteStore(made.services.database)
    async with made.services.database.unit_of_work() as unit:
        await store.change_agent(unit, made.shop.agent_id, state=AgentState.ACTIVE.value)
        await unit.commit(unaudited="what the handshake writes")
    agent = await made.services.sites.agents.agent(made.shop.agent_id)
    assert agent is not None
    link = SiteLink(Peer(agent=agent, link_id="lnk_1"), made.site)
    made.services.sites.hub._online[agent.id] = Online(
        link=link,  # type: ignore[arg-type]
        since=made.clock.now(),
        state=AgentState.ACTIVE,
        fresh="fresh-1",
        fresh_at=made.clock.monotonic(),
    )
