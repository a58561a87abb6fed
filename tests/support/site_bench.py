"""The capability `sites` on a test's database, and the smallest agent that can pair and keep a link."""

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from gateway.audit import AuditLog, Query
from gateway.edge.rate_limit import RateLimiter
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import NotFoundError, UnavailableError
from gateway.kernel.keyring import Keyring
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sites import DuePolicy, PolicyAnswer, Published, RegisteredCamera, Site, build_sites
from gateway.sites.ports import LinkClosedError
from partner_agent.wire import classes, enrolment, frames, handshake, keyset, messages, statements
from partner_agent.wire.documents import NO_PARENT, Position
from partner_agent.wire.messages import Message
from partner_agent.wire.tokens import LocalSigner, PublicKey
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.log_bench import LogBench

PUBLIC_URL = "https://gw.example"
LINK_URL = "wss://gw.example/agent/v1"
GATEWAY = PUBLIC_URL
_IDS = SequentialIds()
ORG, OTHER_ORG = _IDS.new("org"), _IDS.new("org")
SITE = Site(id=_IDS.new("sit"), name="Corner shop", organisation_id=ORG)
SECOND_SITE = Site(id=_IDS.new("sit"), name="Warehouse", organisation_id=ORG)
DOOR, TILL = RegisteredCamera(_IDS.new("cam"), "Front door"), RegisteredCamera(_IDS.new("cam"), "Till")


def owner(organisation_id: str = ORG, session: str = "s1") -> Principal:
    """An owner, signed in."""
    return Principal(
        kind=PrincipalKind.PARTNER,
        person_id="per_" + "0" * 26,
        organisation_id=organisation_id,
        roles=frozenset({Role.OWNER}),
        name="Pat Owner",
        session_ref=session,
    )


class FakeDirectory:
    """Two sites of one organisation, with two cameras at each."""

    def __init__(self) -> None:
        self.connected: set[str] = set()

    async def site_of(self, organisation_id: str, site_id: str) -> Site:
        for site in await self.sites_of(organisation_id):
            if site.id == site_id:
                return site
        raise NotFoundError("There is no such site.")

    async def sites_of(self, organisation_id: str) -> list[Site]:
        return [site for site in (SITE, SECOND_SITE) if site.organisation_id == organisation_id]

    async def cameras_of(self, site_id: str) -> list[RegisteredCamera]:
        return [DOOR, TILL] if site_id == SITE.id else []

    async def agencies(self) -> dict[str, str]:
        return {"age_1": "Chicago Police"}

    async def set_connected(self, unit: UnitOfWork, camera_ids: Any, *, site_id: str) -> None:
        del unit, site_id
        self.connected = set(camera_ids)


@dataclass
class FakeOutbox:
    """Documents due by hand; remembers what sites answered."""

    documents: dict[int, dict[str, Any]] = field(default_factory=dict)  # by the seq they follow
    answers: list[PolicyAnswer] = field(default_factory=list)
    failures: int = 0  # of the next questions

    async def due(self, agent_id: str, held: Position) -> list[DuePolicy]:
        del agent_id
        if self.failures:
            self.failures -= 1
            raise UnavailableError("The database is busy.")
        document = self.documents.get(held.seq)
        return [DuePolicy(document=document, pack={"rules": []})] if document else []

    async def answered(self, unit: UnitOfWork, answer: PolicyAnswer) -> None:
        del unit
        self.answers.append(answer)


class Pipe:
    """Both ends of a connection in memory: `gateway` is the transport of the hub, the rest is the agent's hand."""

    def __init__(self) -> None:
        self._to_agent_in, self._to_agent = anyio.create_memory_object_stream[bytes](math.inf)
        self._to_gateway_in, self._to_gateway = anyio.create_memory_object_stream[bytes | str](math.inf)
        self.code: int | None = None  # with which the gateway closed

    async def receive(self) -> bytes | str:
        try:
            return await self._to_gateway.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError) as error:
            raise LinkClosedError from error

    async def send(self, frame: bytes) -> None:
        try:
            self._to_agent_in.send_nowait(frame)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            raise LinkClosedError from error

    async def close(self, code: int) -> None:
        if self.code is None:
            self.code = code
            self._to_agent_in.close()

    def say(self, frame: bytes | str) -> None:
        """As the agent: send raw bytes."""
        self._to_gateway_in.send_nowait(frame)

    async def hear(self) -> Message:
        """As the agent: the next message."""
        with anyio.fail_after(10):
            message = frames.decode(await self._to_agent.receive())
        assert isinstance(message, Message)
        return message

    async def end(self) -> int:
        """As the agent: wait for the gateway to close; its code."""
        with anyio.fail_after(20):
            while True:
                try:
                    await self._to_agent.receive()
                except anyio.EndOfStream:
                    assert self.code is not None
                    return self.code

    def hang_up(self) -> None:
        """As the agent: go away."""
        self._to_gateway_in.close()


class MiniAgent:
    """A device key, what its pairing said, and an epoch."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.device = LocalSigner.generate("ES256")
        self.pairing: dict[str, Any] = {}
        self.epoch = 0
        self.keys: keyset.KeySet | None = None
        self.lineage = "0" * 32
        self._count = 0

    @property
    def id(self) -> str:
        return str(self.pairing["agent"])

    def device_form(self, **changed: str) -> dict[str, str]:
        """The fields of `POST /oauth/device`."""
        proof = enrolment.make_proof(self.device, token_url=PUBLIC_URL + "/oauth/token", now=self.clock.now())
        jwk = json.dumps(dict(self.device.public.jwk))
        form = {"client_id": enrolment.CLIENT_ID, "jwk": jwk, "jwk_proof": proof, "host": "shop-pc", "version": "0.1.0"}
        return form | changed

    def take(self, pairing: dict[str, Any]) -> None:
        """Pin what the token endpoint answered."""
        self.pairing = pairing
        root = PublicKey.of(pairing["root"])
        self.keys = keyset.advance(None, pairing["key_sets"], root)

    def new_id(self) -> str:
        self._count += 1
        return f"msg_{self._count}"

    def proof(self, challenge: messages.Challenge, **changed: Any) -> messages.Proof:
        """The proof for a challenge; `changed` spoils it."""
        assert self.keys
        said: dict[str, Any] = {
            "agent": self.id,
            "url": LINK_URL,
            "nonce": challenge.nonce,
            "agent_nonce": "n",
            "epoch": self.epoch,
            "boot_id": "b",
            "version": "0.1.0",
            "keyset_version": self.keys.version,
            "lineage": self.lineage,
            "now": self.clock.now(),
        }
        signer = changed.pop("signer", self.device)
        token = handshake.make_proof(signer, **(said | changed))
        return messages.Proof(id=self.new_id(), re=challenge.id, agent=self.id, token=token)

    async def greet(self, pipe: Pipe, *, is_acking: bool = True, **changed: Any) -> int:
        """Shake hands over `pipe`; the epoch of the welcome."""
        challenge = await pipe.hear()
        assert isinstance(challenge, messages.Challenge)
        proof = self.proof(challenge, **changed)
        pipe.say(frames.encode(proof))
        message = await pipe.hear()
        while isinstance(message, messages.KeySets):
            self.keys = keyset.advance(self.keys, message.tokens, PublicKey.of(self.pairing["root"]))
            message = await pipe.hear()
        assert isinstance(message, messages.Welcome)
        assert self.keys
        live = self.keys.live("link", self.clock.now())
        welcome = handshake.check_welcome(
            message.token, live, gateway=GATEWAY, agent=self.id, agent_nonce="n", proof=proof.token
        )
        if is_acking:
            self.epoch = welcome.epoch
            pipe.say(frames.encode(messages.Ack(id=self.new_id(), epoch=welcome.epoch, fresh="f1")))
        return welcome.epoch

    def state(
        self, *, seq: int = 0, sha256: str = NO_PARENT, states: tuple[str, ...] = (), vocabulary: int = 1
    ) -> bytes:
        """A `site_state` frame."""
        return frames.encode(
            messages.SiteState(
                id=self.new_id(),
                lineage=self.lineage,
                seq=seq,
                sha256=sha256,
                states=list(states),
                vocabulary=vocabulary,
                tzdata="2026a",
                version="0.1.0",
            )
        )

    def says(self, kind: Any, **claims: Any) -> str:
        """A statement signed by the device."""
        return statements.make(kind, claims, signer=self.device, agent=self.id, gateway=GATEWAY, now=self.clock.now())

    def ack(self, policy: Message, *, seq: int, sha256: str) -> bytes:
        """A `policy_ack` frame."""
        token = self.says(classes.POLICY_ACK, re=policy.id, lineage=self.lineage, seq=seq, sha256=sha256)
        return frames.encode(messages.PolicyAck(id=self.new_id(), re=policy.id, token=token))


class SiteBench:
    """Everything of the capability, and ways to pair and connect."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.ids = SequentialIds()
        self.bus = MemoryBus()
        self.database = database
        self.log = LogBench(database)
        self.audit: AuditLog = self.log.log
        self.keyring = Keyring.create(folder / "keys", log_name="gw.example/log")
        self.outbox = FakeOutbox()
        self.directory = FakeDirectory()
        self.published = Published(gateway=GATEWAY, hosts=("gw.example",), relay_fingerprints=())
        self.sites = self.build()

    def build(self) -> Any:
        """The capability as after a start of the gateway."""
        return build_sites(
            database=self.database,
            audit=self.audit,
            log=self.log.reader,
            keyring=self.keyring,
            published=self.published,
            public_url=PUBLIC_URL,
            directory=self.directory,
            outbox=self.outbox,
            limiter=RateLimiter(database=self.database, clock=self.clock, key=b"k" * 32),
            bus=self.bus,
            clock=self.clock,
            ids=self.ids,
        )

    async def paired(self, site: Site = SITE) -> MiniAgent:
        """An agent that went through the whole pairing."""
        await self.sites.key_sets.ensure_current()
        agent = MiniAgent(self.clock)
        _, codes = await self.sites.enrolments.begin(agent.device_form(), address="192.0.2.1")
        await self.sites.enrolments.approve(owner(), site, codes["user_code"])
        status, body = await self.sites.enrolments.poll(token_form(codes["device_code"]))
        assert status == 200
        agent.take(dict(body))
        return agent

    @asynccontextmanager
    async def connected(self, agent: MiniAgent, **changed: Any) -> AsyncIterator[Pipe]:
        """A link of `agent`, shaken hands."""
        async with self.dialled() as pipe:
            await agent.greet(pipe, **changed)
            await self.until(lambda: self.sites.hub.is_online(agent.id))
            yield pipe

    @asynccontextmanager
    async def dialled(self, address: str = "192.0.2.1") -> AsyncIterator[Pipe]:
        """A connection nobody has said anything on."""
        pipe = Pipe()
        async with anyio.create_task_group() as group:

            async def serve() -> None:
                await self.sites.hub.serve(pipe, address=address)

            group.start_soon(serve)
            yield pipe
            group.cancel_scope.cancel()

    async def until(self, holds: Any) -> None:
        """Let other tasks run until `holds`; never sleeps, fails after five seconds."""
        with anyio.fail_after(5):
            while True:
                found = holds()
                if found if isinstance(found, bool) else await found:
                    return
                await anyio.lowlevel.checkpoint()

    async def kinds(self) -> list[str]:
        """The kinds of the log's entries, oldest first."""
        page = await self.audit.find(Query(), limit=200)
        return [str(entry.kind) for entry in reversed(page.entries)]


def token_form(device_code: str, **changed: str) -> dict[str, str]:
    """The fields of `POST /oauth/token`."""
    form = {"grant_type": enrolment.GRANT_TYPE, "client_id": enrolment.CLIENT_ID, "device_code": device_code}
    return form | changed
