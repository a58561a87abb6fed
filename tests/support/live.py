"""Live views over a real database, log and keys, with a site and a relay that do what a test tells them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from gateway.app.still_vault import EncryptedStills
from gateway.audit import AuditLog, Entry, Query
from gateway.audit.store import SqlEvents
from gateway.edge.rate_limit import RateLimiter
from gateway.evidence import EncryptedObjects
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, DeadlineError, NotFoundError, PreconditionError, UnavailableError
from gateway.kernel.keyring import Keyring
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import AskPlace, AskWish, OpenedView, Session, ViewDeny, ViewPermit, ViewQuestion
from gateway.live.build import AskGround, Ground, PhoneGround, Sessions, StillGround, build_sessions
from gateway.live.grants import RelayPlace
from gateway.live.phones.model import PhoneLink
from gateway.live.phones.ports import Called
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import Answer
from partner_agent.wire import classes, grants, leases, statements
from partner_agent.wire.grants import Caps, Facts, Incident, Subject
from partner_agent.wire.ids import IdSource, SystemIds, encode_ulid
from partner_agent.wire.limits import ASKED_VOCABULARY, VIEW_APPROVED_S
from partner_agent.wire.messages import Accepted, End, Grant, Lease, Message, PolicyStale, Refused, Stopped
from partner_agent.wire.playback_messages import ViewSize
from partner_agent.wire.tokens import LocalSigner, PublicKey, hash_of
from partner_agent.wire.touches import Assertion
from policies.request import Span
from policies.vocabulary import Act, Remedy
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.log_health import FakeLogHealth
from tests.support.waiting import until

GATEWAY = "http://localhost:8080"
BROWSER = ":".join(["AB"] * 32)
SITE_CERTIFICATE = ":".join(["CD"] * 32)
RELAY = RelayPlace(name="relay-1", fingerprint=":".join(["EF"] * 32), public_url=GATEWAY)
POLICY = "0" * 64


def made_up(prefix: str, number: int) -> str:
    """An id that nothing stands behind."""
    return f"{prefix}_{encode_ulid(1, number)}"


CAMERA, LOCAL, SITE, ORGANISATION, AGENT = (made_up(p, n) for n, p in enumerate(("cam", "cam", "sit", "org", "agt"), 1))
INCIDENT, AGENCY = made_up("inc", 9), made_up("age", 9)
OPERATOR = Principal(
    kind=PrincipalKind.AGENCY,
    person_id=made_up("per", 1),
    organisation_id=AGENCY,
    roles=frozenset({Role.OPERATOR}),
    unit="rtcc",
)
OTHER = replace(OPERATOR, person_id=made_up("per", 2))
SUPERVISOR = replace(OPERATOR, person_id=made_up("per", 3), roles=frozenset({Role.SUPERVISOR}))


@dataclass
class FakeDecider:
    """Permits until told otherwise."""

    clock: FakeClock
    answer: ViewDeny | None = None
    is_known: bool = True
    needs_yes: bool = False
    seconds: int = 600
    horizon_s: float | None = None
    second_id: str = ""
    may_hear: bool = False
    masks: tuple[str, ...] = ()
    most_lines: int = 720
    asked: list[ViewQuestion] = field(default_factory=list)
    walls: int = 0  # how many walls, of one view or more, were decided together
    around: timedelta = timedelta(seconds=60)  # of a recording before the wanted moment
    off: set[str] = field(default_factory=set)  # owners who pressed the switch
    meanwhile: Callable[[], Awaitable[object]] | None = None  # once, before the next answer about an owner's yes

    def together(self) -> "FakeDecider":
        self.walls += 1
        return self

    async def is_switched_off(self, organisation_id: str, agency_id: str) -> bool:
        assert agency_id == AGENCY
        return organisation_id in self.off

    def deny(self, remedy: Remedy = Remedy.NONE, reason: str = "not_shared") -> None:
        self.answer = ViewDeny(
            reason=reason,
            layer="sharing",
            remedies=tuple({remedy} - {Remedy.NONE}),
            site_id=SITE,
            organisation_id=ORGANISATION,
        )

    async def decide(self, question: ViewQuestion) -> ViewPermit | ViewDeny:
        self.asked.append(question)
        if question.approved is not None and self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        if not self.is_known:
            raise NotFoundError("There is no such camera.")
        if self.answer is not None:
            return self.answer
        if question.sound and not self.may_hear:
            return ViewDeny(
                reason="guardrail", layer="sharing", remedies=(), site_id=SITE, organisation_id=ORGANISATION
            )
        now = self.clock.now()
        approved = question.approved
        if self.needs_yes and (approved is None or now >= approved.until):
            return ViewDeny(
                reason="condition",
                layer="sharing",
                remedies=(Remedy.ASK,),
                site_id=SITE,
                organisation_id=ORGANISATION,
                agent_id=AGENT,
            )
        seconds, horizon_s = self.seconds, self.horizon_s
        if approved is not None:  # as the law does: a yes is to a short view, and its end is a horizon
            horizon_s = (approved.until - now).total_seconds()
            seconds = min(seconds, VIEW_APPROVED_S)
        return ViewPermit(
            camera_id=question.camera_id,
            local_camera=LOCAL,
            site_id=SITE,
            organisation_id=ORGANISATION,
            agent_id=AGENT,
            lineage="lineage",
            policy_sha256=POLICY,
            subject=Subject(ref="ref", agency=AGENCY, unit="rtcc", role="operator", assurance=2),
            facts=Facts(),
            caps=Caps(seconds=seconds, height_lines=self.most_lines, audio=question.sound),
            obligations={"watermark": True, "max_s": seconds, **({"masks": list(self.masks)} if self.masks else {})},
            incident=Incident(ref="i", kind="robbery", origin="cad", cell=(1, 2), opened_at="2026-11-23T15:00:00.000Z"),
            horizon=now + timedelta(seconds=horizon_s) if horizon_s is not None else None,
            ground="two_persons" if self.second_id else "always",
            second_id=self.second_id,
            may_hear=self.may_hear and not question.sound,
            footage=question.footage or (question.wanted_at and Span(question.wanted_at - self.around, now)) or None,
        )


@dataclass
class FakeAskLaw:
    """Offers asking until told otherwise; every camera is of one organisation unless the test says so."""

    answer: ViewDeny | None = None
    is_known: bool = True
    is_open: bool = True
    active_until: datetime | None = None
    organisations: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)  # incidents that are no reason any more

    async def decide(self, principal: Principal, wish: AskWish) -> AskPlace | ViewDeny:
        del principal
        if not self.is_known:
            raise NotFoundError("There is no such camera.")
        if wish.incident_id in self.closed:
            return ViewDeny(reason="condition", layer="facts", remedies=(), site_id=SITE, organisation_id=ORGANISATION)
        return self.answer or AskPlace(
            organisation_id=self.organisations.get(wish.camera_id, ORGANISATION),
            site_id=SITE,
            agent_id=AGENT,
            lineage="a" * 32,
            local_camera=LOCAL,
            active_until=self.active_until,
            who="ref",
            footage=(wish.wanted_at and Span(wish.wanted_at - timedelta(minutes=4), wish.wanted_at)) or None,
        )

    async def is_active(self, incident_id: str) -> bool:
        return self.is_open and incident_id not in self.closed


@dataclass
class FakeAskSites:
    """One site: hears of requests while its link is up."""

    link: str = "lnk_1"
    is_slow: bool = False
    is_new: bool = True  # knows requests for recordings and stills
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)

    def link_of(self, agent_id: str) -> str:
        del agent_id
        return self.link

    def knows(self, agent_id: str, act: Act) -> bool:
        del agent_id
        return act is Act.LIVE_VIEW or self.is_new

    async def ask(self, agent_id: str, document: Mapping[str, Any]) -> None:
        del agent_id
        self.asked.append(document)
        if self.is_slow:
            raise DeadlineError("no answer")

    def take_back(self, agent_id: str, document_sha256: str) -> bool:
        del agent_id
        if self.link:
            self.taken_back.append(document_sha256)
        return bool(self.link)


@dataclass
class FakeTouches:
    """Takes every touch, or none."""

    is_taken: bool = True
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def check(self, site_id: str, *, label: str, sha256: str, assertion: Assertion) -> None:
        del site_id, assertion
        self.seen.append((label, sha256))
        if not self.is_taken:
            raise PreconditionError("Your site would not take this passkey.")


class FakeSite:
    """One agent and its link: checks what it gets as an agent does, and signs what it says."""

    def __init__(
        self, keyring: Keyring, clock: FakeClock, *, agent_id: str = AGENT, device: LocalSigner | None = None
    ) -> None:
        self.device = device or LocalSigner.generate("ES256")
        self.agent_id = agent_id
        self.answer = "accept"
        self.problem, self.fresh, self.vocabulary = "", "fresh-1", ASKED_VOCABULARY
        self.is_sounding = True
        self.orders: list[Message] = []
        self.says: Callable[[Message], Message] | None = None
        self.is_connected = True
        self.gate = anyio.Event()
        self.gate.set()
        self.grants: list[grants.ReadGrant] = []
        self.leases: list[leases.Lease] = []
        self.ends: list[End] = []
        self.sizes: list[int] = []  # how high pictures are said to be
        self._keyring, self._clock, self._count = keyring, clock, 0

    def problem_of(self, agent_id: str) -> str:
        del agent_id
        return self.problem

    def fresh_of(self, agent_id: str) -> str:
        del agent_id
        return self.fresh

    def vocabulary_of(self, agent_id: str) -> int:
        del agent_id
        return self.vocabulary

    def has_sound(self, agent_id: str, local_camera: str) -> bool:
        return self.is_sounding and (agent_id, local_camera) == (AGENT, LOCAL)

    def new_id(self) -> str:
        self._count += 1
        return f"msg_{self._count}"

    async def device_key(self, agent_id: str) -> PublicKey | None:
        del agent_id
        return self.device.public

    def tell(self, agent_id: str, message: Message) -> None:
        del agent_id
        if not self.is_connected:
            raise UnavailableError("The site is not connected.")
        match message:
            case End():
                self.ends.append(message)
            case ViewSize():
                self.sizes.append(message.lines)
            case Lease():
                keys = (self._keyring.lease.public,)
                self.leases.append(leases.parse(message.token, keys, gateway=GATEWAY, agent=self.agent_id))

    async def send(self, agent_id: str, message: Message, *, deadline_s: float) -> Message:
        del agent_id, deadline_s
        if not self.is_connected:
            raise UnavailableError("The site is not connected.")
        if not isinstance(message, Grant):
            self.orders.append(message)
            assert self.says is not None
            return self.says(message)
        keys = (self._keyring.grant.public,)
        read = grants.parse(message.token, keys, gateway=GATEWAY, agent=self.agent_id, now=self._clock.now())
        grants.check_leaf(read)
        self.grants.append(read)
        await self.gate.wait()
        return self._reply(read, message)

    def _reply(self, read: grants.ReadGrant, message: Grant) -> Message:
        grant = read.grant
        claims: dict[str, Any] = {"re": message.id, "jti": grant.jti, "session": grant.session}
        match self.answer:
            case "silent":
                raise DeadlineError("no answer")
            case "stale":
                return PolicyStale(id="a", re=message.id, token="")
            case "accept" | "accept_other" | "accept_forged":
                claims |= {"camera": grant.camera, "grant_sha256": hash_of(message.token)}
                claims["fingerprint"] = f"sha-256 {SITE_CERTIFICATE}"
                if self.answer == "accept_other":
                    claims["grant_sha256"] = "f" * 64
                signer = LocalSigner.generate("ES256") if self.answer == "accept_forged" else self.device
                return Accepted(id="a", re=message.id, token=self.say(classes.ACCEPTED, claims, signer))
            case code:
                claims |= {"grant_sha256": hash_of(message.token), "code": code}
                return Refused(id="a", re=message.id, token=self.say(classes.REFUSED, claims))

    def say(self, kind: Any, claims: dict[str, Any], signer: LocalSigner | None = None) -> str:
        return statements.make(
            kind, claims, signer=signer or self.device, agent=self.agent_id, gateway=GATEWAY, now=self._clock.now()
        )

    def stopped(self, session: Session, *, seconds: int, reason: str = "lease", sent_bytes: int = 1000) -> Stopped:
        """The account of a session."""
        claims = {
            "jti": session.grant_id, "session": session.id, "reason": reason, "seconds": seconds, "bytes": sent_bytes
        }  # fmt: skip
        return Stopped(id="s", token=self.say(classes.STOPPED, claims))


@dataclass
class FakeRelay:
    """Remembers its orders, in the order they came."""

    orders: list[tuple[str, ...]] = field(default_factory=list)
    is_gone: bool = False
    is_over: bool = False
    on_admit: Callable[[], Awaitable[None]] | None = None  # after the order, before its answer
    on_drop: Callable[[], Awaitable[None]] | None = None  # the same, of a drop
    admitted: dict[str, float] = field(default_factory=dict)
    leased: list[list[str]] = field(default_factory=list)
    with_sound: list[str] = field(default_factory=list)
    picture: bytes = b""
    on_picture: Callable[[], Awaitable[None]] | None = None  # before its answer

    @property
    def is_ready(self) -> bool:
        return not self.is_gone

    async def admit(
        self, *, session: str, publication: str, fingerprint: str, valid_s: float, sound: bool = False
    ) -> bool:
        self._check()
        if sound:
            self.with_sound.append(session)
        self.orders.append(("admit", session, publication, fingerprint))
        self.admitted[session] = valid_s
        if self.on_admit is not None:
            await self.on_admit()
        return not self.is_over

    async def lease(self, sessions: list[str]) -> None:
        self._check()
        self.leased.append(sessions)

    async def drop(self, sessions: list[str]) -> None:
        self._check()
        self.orders.append(("drop", *sessions))
        if self.on_drop is not None:
            await self.on_drop()

    async def first_picture(self, *, session: str, publication: str) -> Answer:
        self._check()
        self.orders.append(("first picture", session, publication))
        if self.on_picture is not None:
            await self.on_picture()
        return Answer(re=0, status=200 if self.picture else 404, picture=self.picture)

    def _check(self) -> None:
        if self.is_gone:
            raise RelayGoneError("gone")


@dataclass
class FakeConsequences:
    """Remembers what views brought along; refuses a word that a test says is used."""

    used: list[tuple[str, str]] = field(default_factory=list)
    is_used_up: bool = False

    async def of_view(self, unit: UnitOfWork, session: Session, permit: ViewPermit, *, confirmation_id: str) -> None:
        del unit, permit
        if self.is_used_up:
            raise ConflictError("This is over.")
        if confirmation_id:
            self.used.append((confirmation_id, session.id))


@dataclass
class FakeSurroundings:
    """One camera, one sender, one incident that goes on; until told otherwise."""

    is_going_on: bool = True
    is_employed: bool = True

    async def sender_now(self, sender: Principal) -> Principal:
        if not self.is_employed:
            raise NotFoundError("There is no such person.")
        return replace(sender, roles=OPERATOR.roles, unit=OPERATOR.unit)

    async def is_active(self, incident_id: str) -> bool:
        assert incident_id
        return self.is_going_on

    async def called(self, link: PhoneLink) -> Called:
        assert link.camera_id
        return Called(camera="Front door", sender="Sam Ortiz", agency="City Police")


@dataclass
class FakeFreshness:
    """Knows how things stand until told otherwise."""

    is_confirmed: bool = True
    can_look: bool = False
    stamp: int = 0

    async def demand(self) -> None:
        self.is_confirmed = self.is_confirmed or self.can_look
        if not self.is_confirmed:
            raise UnavailableError("The generations cannot be seen.")


@dataclass
class Plane:
    """Everything of one test."""

    sessions: Sessions
    decider: FakeDecider
    site: FakeSite
    relay: FakeRelay
    audit: AuditLog
    database: Database
    clock: FakeClock
    bus: MemoryBus
    keyring: Keyring
    log_health: FakeLogHealth
    freshness: FakeFreshness
    consequences: FakeConsequences
    ask_law: FakeAskLaw
    ask_sites: FakeAskSites
    touches: FakeTouches
    surroundings: FakeSurroundings

    async def open(self, principal: Principal = OPERATOR, **changes: Any) -> OpenedView:
        """Ask to see the camera."""
        wish: dict[str, Any] = {
            "camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT, "fingerprint": BROWSER
        }  # fmt: skip
        return await self.sessions.live.open(principal, **(wish | changes))

    async def accepted(self, **changes: Any) -> Session:
        """A view the site has accepted."""
        opened = await self.open(**changes)
        await self.in_state(opened.session_id, "accepted")
        return await self.read(opened.session_id)

    async def read(self, session_id: str) -> Session:
        """The row."""
        session = await self.sessions.live.view(SUPERVISOR, session_id)
        assert session is not None
        return session

    async def in_state(self, session_id: str, state: str) -> None:
        """Wait until the row says so, and the gateway, which writes first, knows it too."""

        async def is_reached() -> bool:
            held = [one.state for one in self.sessions.live.running() if one.id == session_id]
            return {state} == {(await self.read(session_id)).state, *held}

        with anyio.fail_after(10):
            while not await is_reached():  # noqa: ASYNC110 -- the row has no event
                await anyio.sleep(0.005)

    async def log(self, stream: str = "") -> list[Entry]:
        """The leaves of a stream, oldest first."""
        query = Query(streams=frozenset({stream} - {""}), is_restricted_visible=True)
        return list(reversed((await self.audit.find(query, limit=200)).entries))

    async def kinds(self, stream: str = "") -> list[str]:
        """What happened, oldest first."""
        return [entry.kind for entry in await self.log(stream)]


def limiter_of(plane: Plane) -> RateLimiter:
    """Counts attempts, as the gateway does."""
    return RateLimiter(database=plane.database, clock=plane.clock, key=b"r" * 32)


@asynccontextmanager
async def live_plane(
    database: Database, folder: Path, *, clock: FakeClock | None = None, ids: IdSource | None = None
) -> AsyncIterator[Plane]:
    """Sessions, running; with `clock` and `ids` of those before, they are the same gateway started again."""
    clock, ids, bus = clock or FakeClock(), ids or SequentialIds(), MemoryBus()
    keyring = Keyring.create(folder / "keys", log_name="localhost/log")
    health = FakeLogHealth()
    audit = AuditLog(
        gateway=GATEWAY,
        origin="localhost/log",
        events=SqlEvents(database),
        signer=keyring.promise,
        health=health,
        bus=bus,
        clock=clock,
        ids=ids,
    )
    decider, site, relay, freshness = FakeDecider(clock), FakeSite(keyring, clock), FakeRelay(), FakeFreshness()
    consequences = FakeConsequences()
    surroundings = FakeSurroundings()
    asking = AskGround(law=FakeAskLaw(), sites=FakeAskSites(), touches=FakeTouches())
    secrets = SystemIds()
    vault = EncryptedStills(EncryptedObjects(folder / "stills", wrapping_key=b"w" * 32, ids=secrets), secrets)
    ground = Ground(
        asking=asking,
        stills=StillGround(vault=vault, token_key=b"k" * 32, keep=timedelta(hours=72)),
        phones=PhoneGround(surroundings=surroundings, lasts=timedelta(minutes=15)),
        database=database,
        audit=audit,
        bus=bus,
        keyring=keyring,
        decider=decider,
        consequences=consequences,
        freshness=freshness,
        links=site,
        keys=site,
        gateway=GATEWAY,
        clock=clock,
        ids=ids,
    )
    sessions = build_sessions(ground, relay=relay, place=RELAY)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sessions.live.run)
        await until(lambda: sessions.live.is_running)
        fakes = (freshness, consequences, asking.law, asking.sites, asking.touches, surroundings)
        yield Plane(sessions, decider, site, relay, audit, database, clock, bus, keyring, health, *fakes)
        tasks.cancel_scope.cancel()


def gone(session_id: str, *, seconds: float = 5, reason: protocol.EndReason = "left") -> protocol.ViewerGone:
    """The relay's last word on a session."""
    return protocol.ViewerGone(
        session=session_id, reason=reason, packets=9, sent_bytes=900, seconds_ms=round(seconds * 1000)
    )
