"""An agent on a test's desk: the real core over fakes of every port, with what it says collected."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.abc
from argon2 import PasswordHasher

from partner_agent.addresses import AddressRules
from partner_agent.assembly import Adapters, Agent
from partner_agent.checks import Looks
from partner_agent.identity import Identity
from partner_agent.policy_store import Outcome
from partner_agent.settings import Settings
from partner_agent.store import Store
from partner_agent.wire import classes, statements
from partner_agent.wire import messages as m
from partner_agent.wire.documents import POLICY_LABEL
from partner_agent.wire.tokens import Claims, LocalSigner
from policies.model import Policy
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.media import FakeCameras, FakePlayers, FakePublisher, FakeRecordings, FakeStills, FakeUploader
from tests.fakes.surroundings import FakeNotice, FakeResolver, FakeSync
from tests.policies import build
from tests.support.lying_gateway import AGENT, GATEWAY, LyingGateway
from tests.support.passkeys import SoftPasskey

PIN = "246810"
PIN_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PIN)  # cheap: it is made to guard nothing
_M = TypeVar("_M", bound=m.Message)
_CLASS_OF = {
    m.PolicyAck: classes.POLICY_ACK,
    m.PolicyStale: classes.POLICY_STALE,
    m.PolicyRefused: classes.POLICY_REFUSED,
    m.Accepted: classes.ACCEPTED,
    m.Refused: classes.REFUSED,
    m.Stopped: classes.STOPPED,
    m.Interrupted: classes.INTERRUPTED,
    m.Preserved: classes.PRESERVED,
    m.ClipAnswer: classes.SITE_APPROVAL,
    m.ViewAnswer: classes.SITE_APPROVAL,
    m.ClipCapture: classes.CAPTURE,
}


class Bench:
    """One site: the agent, its surroundings, and the gateway that may lie to it."""

    def __init__(self, folder: Path, clock: FakeClock, *, looks: Looks | None = None, **settings: Any) -> None:
        """`looks`: what a connection check looks with; nothing by itself."""
        self.clock, self.folder, self.looks = clock, folder, looks or Looks()
        self.gateway = LyingGateway(clock)
        self.device = LocalSigner.generate("ES256")
        self.cameras, self.publisher, self.recordings = FakeCameras(), FakePublisher(), FakeRecordings()
        self.players = FakePlayers()
        self.stills = FakeStills()
        self.uploader, self.sync, self.notice = FakeUploader(), FakeSync(), FakeNotice()
        self.resolver = FakeResolver()
        self.ids = SequentialIds()
        self.passkey = SoftPasskey(count=1)
        self.settings = Settings(state_dir=folder, **{"site_pin_hash": PIN_HASH, **settings})
        self.store = self._open()
        Identity.pin(self.store, self.gateway.pairing())
        self.agent = self._assemble()

    def _assemble(self) -> Agent:
        world = Adapters(
            clock=self.clock,
            ids=self.ids,
            dialler=None,  # type: ignore[arg-type]  # tests of the link bring their own
            cameras=self.cameras,
            publisher=self.publisher,
            players=self.players,
            stills=self.stills,
            recordings=self.recordings,
            uploader=self.uploader,
            addresses=AddressRules(resolver=self.resolver, allow_loopback=self.settings.allow_loopback),
            sync=self.sync,
            notice=self.notice,
            looks=self.looks,
        )
        agent = Agent(
            settings=self.settings, store=self.store, identity=Identity(self.store), device=self.device, world=world
        )
        self.said = agent.outbox.open()
        return agent

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Bench"]:
        """With a task group, as `Agent.run` gives one; no clock runs by itself."""
        async with anyio.create_task_group() as tasks:
            self.agent.sessions.bind(tasks)
            self.agent.desk.bind(tasks)
            yield self
            tasks.cancel_scope.cancel()

    def restart(self) -> None:
        """Kill -9 and start again on the same disk."""
        self._close()
        self.store = self._open()
        self.agent = self._assemble()

    def reinstall(self) -> None:
        """The disk is gone; the same agent is set up again on an empty one."""
        self._close()
        for path in self.folder.glob("agent.db*"):
            path.unlink()
        self.store = self._open()
        Identity.pin(self.store, self.gateway.pairing())
        self.agent = self._assemble()

    def snapshot(self, path: Path) -> None:
        """Copy the disk as it is."""
        self.store.rows("VACUUM INTO ?", str(path))

    def go_back_to(self, path: Path) -> None:
        """Put a copied disk in place of the agent's."""
        self._close()
        for old in self.folder.glob("agent.db*"):
            old.unlink()
        shutil.copy(path, self.folder / "agent.db")
        self.store = self._open()
        self.agent = self._assemble()

    def _open(self) -> Store:
        store = Store(self.folder / "agent.db")
        store.rows("PRAGMA synchronous = OFF")  # no test cuts the power
        return store

    def _close(self) -> None:
        self.said.close()
        self.agent.outbox.close()
        self.store.close()

    # --- what the agent said

    def heard(self, kind: type[_M]) -> list[_M]:
        """Everything said since the last look, of one kind; the rest is dropped."""
        found = []
        while True:
            try:
                message = self.said.receive_nowait()
            except anyio.WouldBlock:
                return found
            if isinstance(message, kind):
                found.append(message)

    def token(self, kind: type[_M]) -> Claims:
        """The verified claims of the one statement of this kind."""
        (message,) = self.heard(kind)
        return self.claims(message)

    def claims(self, message: m.Message) -> Claims:
        """The verified claims of a statement."""
        return statements.check(
            _CLASS_OF[type(message)],
            message.token,
            self.device.public,
            agent=AGENT,
            gateway=GATEWAY,
        )

    # --- usual steps

    def send_policy(self, policy: Policy, *, is_proposal: bool = False) -> str:
        """The gateway sends pack and document; returns the document's digest."""
        self.agent.policy.take_pack(dict(build.PACK_DOCUMENT))
        document = self.gateway.document(policy, self.agent.policy.position, is_proposal=is_proposal)
        self.agent.desk.take(m.Policy(id="msg_d", document=dict(document.raw)))
        return document.sha256

    def touch(self, sha256: str, passkey: SoftPasskey | None = None, *, label: str = POLICY_LABEL) -> m.Message:
        """An owner's touch for a proposal reaches the agent; its answer."""
        assertion = (passkey or self.passkey).approve(label, sha256)
        return self.approve(m.PolicyApproval(id="msg_t", sha256=sha256, label=label, assertion=assertion))

    def approve(self, approval: m.PolicyApproval) -> m.Message:
        """The gateway delivers an approval, again perhaps; the agent's answer to it."""
        self.heard(m.Message)
        self.agent.desk.take(approval)
        (answer,) = (said for said in self.heard(m.Message) if said.re == approval.id)
        return answer

    def share(self, policy: Policy | None = None) -> None:
        """Document 1, approved on site."""
        sha256 = self.send_policy(policy or build.policy(build.rule()), is_proposal=True)
        self.agent.site.approve(sha256, PIN)
        self.heard(m.Message)

    def share_more(self, policy: Policy) -> None:
        """A widening, approved on site; or a narrowing, which needs nobody."""
        sha256 = self.send_policy(policy, is_proposal=True)
        if self.agent.policy.position.sha256 != sha256:
            self.agent.site.approve(sha256, PIN)
        self.heard(m.Message)

    def fresh(self) -> str:
        """A heartbeat was sent now."""
        return self.agent.fresh.new()

    def body(self, **changes: Any) -> dict[str, Any]:
        """The claims of a grant that this site would accept now."""
        return self.gateway.body(self.agent.policy.position, changes.pop("fresh", None) or self.fresh(), **changes)

    async def send_grant(self, **changes: Any) -> m.Grant:
        """Send a grant and let the agent answer."""
        message = self.gateway.grant(self.body(**changes))
        await self.agent.desk.grant(message)
        await anyio.wait_all_tasks_blocked()
        return message


def outcome_name(outcome: Outcome) -> str:
    """The kind of an outcome, for short assertions."""
    return type(outcome).__name__
