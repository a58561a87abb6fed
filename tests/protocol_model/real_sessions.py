"""Drives the real gate and sessions with the steps of `sessions`, and the promises with the steps of `promises`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.abc

from partner_agent.ports import Counts
from partner_agent.wire import grants
from partner_agent.wire import messages as m
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.protocol_model import promises
from tests.protocol_model.engine import Action, After
from tests.protocol_model.sessions import Batch, Grant, World
from tests.support.agents import PIN, Bench
from tests.support.lying_gateway import AGENT, GATEWAY

TICK_S: Final = 5
HALF_DELAY_S: Final = 31
WIDE, NOTHING = build.policy(build.rule()), build.policy()
MOST_SENT: Final = 4  # where the model stops counting


class RealAgent:
    """An agent at work, whose link, machine and gateway are in the test's hands."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        self.clock, self.tasks = FakeClock(), tasks
        self.bench = Bench(folder, self.clock)
        self._bind()
        self.bench.share(WIDE)
        self.fresh = [self.bench.fresh()]

    @classmethod
    @asynccontextmanager
    async def at_work(cls, folder: Path) -> AsyncIterator["RealAgent"]:
        """With a task group that lives as long as the test."""
        async with anyio.create_task_group() as tasks:
            yield cls(folder, tasks)
            tasks.cancel_scope.cancel()

    def _bind(self) -> None:
        self.bench.agent.sessions.bind(self.tasks)
        self.bench.agent.desk.bind(self.tasks)

    def boot(self) -> list[m.Message]:
        """Start again on the same disk; what is said of what ran before."""
        self.bench.restart()
        self._bind()
        self.fresh = [self.bench.fresh()]
        self.bench.agent.accounts.repeat(now=True)
        return self.bench.heard(m.Message)

    async def ask(self, message: m.Grant) -> str:
        """A grant, and the answer."""
        self.bench.heard(m.Message)
        await self.bench.agent.desk.grant(message)
        await anyio.wait_all_tasks_blocked()
        said = self.bench.heard(m.Message)
        codes = [str(self.bench.claims(item)["code"]) for item in said if isinstance(item, m.Refused)]
        return codes[0] if codes else "accepted" if any(isinstance(item, m.Accepted) for item in said) else "?"

    def prove(self, leaf: bytes, log: list[bytes]) -> None:
        """The gateway's log shows a leaf."""
        head = self.bench.agent.proofs.head
        have = head.size if head else 0
        self.bench.agent.desk.take(self.bench.gateway.proof(leaf.hex(), have_size=have, leaves=log))


class RealSessions(RealAgent):
    """Answers the steps of `sessions.Sessions`."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        super().__init__(folder, tasks)
        position = self.bench.agent.policy.position
        self.lineages = [position.lineage]
        self.documents = {(0, 1): position.sha256}
        self.sent = 0

    async def do(self, action: Action, after: After, before: World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        what, args, bench = action.what, action.args, self.bench
        match what:
            case "a grant is sent" | "grant arrives":
                return await self._grant(args[0], before)
            case "a batch is sent" | "batch arrives":
                return self._batch(args[0])
            case "five seconds pass":
                self._tick(before)
            case "the agent boots":
                return self._account(self.boot())
            case "the site pauses":
                bench.agent.site.pause()
            case "the site resumes":
                bench.agent.switches.resume()
            case "the clock goes back":
                bench.agent.clock_guard.is_skewed()
                self.clock.step_wall(-3600)
            case "the clock is right again":
                self.clock.step_wall(3600)
            case "the session is ended" | "end arrives":
                bench.agent.desk.take(m.End(id="msg", session="ses", reason="asked"))
            case _:
                self._of_state(what, after)
        return ""

    def _of_state(self, what: str, after: After) -> None:
        bench = self.bench
        match what:
            case "a narrowing forbids it":
                bench.send_policy(NOTHING)
            case "the site approves again":
                bench.share_more(WIDE)
            case "the link is made anew" | "the gateway restarts":
                bench.agent.fresh.forget()
                bench.agent.sessions.new_link()
                self.fresh = [bench.fresh()]
            case "the agent loses its state":
                bench.reinstall()
                self._bind()
                self.fresh = [bench.fresh()]
                self.lineages.append(bench.agent.policy.position.lineage)
            case _:
                pass  # what happens at the gateway, or is seen at the next boot
        if after.state.is_up:
            position = bench.agent.policy.position
            self.documents[after.state.lineage, after.state.version] = position.sha256

    def check(self, after: After) -> None:
        """The same session runs, or none."""
        if after.state.is_up:
            running = [item.grant.jti for item in self.bench.agent.sessions.running]
            assert running == ([f"grt_{after.state.jti}"] if after.state.state == "live" else [])

    async def _grant(self, grant: Grant, before: World) -> str:
        bench = self.bench
        has_it = grant.age is not None and grant.age < len(self.fresh)
        body = bench.gateway.body(
            bench.agent.policy.position,
            self.fresh[-1 - grant.age] if has_it and grant.age is not None else "ab" * 16,
            jti=f"grt_{grant.jti}",
            session="ses",
            lineage=self.lineages[grant.lineage] if 0 <= grant.lineage < len(self.lineages) else "f" * 32,
            policy_sha256=self.documents.get((before.lineage, grant.version), "e" * 64),
        )
        answer = await self.ask(bench.gateway.grant(body))
        if answer == "accepted":
            self.sent = 0
            self.prove(bench.gateway.leaves[-1], bench.gateway.leaves)
        return answer

    def _batch(self, batch: Batch) -> str:
        has_it = batch.age is not None and batch.age < len(self.fresh)
        fresh = self.fresh[-1 - batch.age] if has_it and batch.age is not None else "ab" * 16
        pairs = [("ses", f"grt_{jti}") for jti in batch.listed]
        lease = self.bench.gateway.lease(fresh, *pairs, n=batch.n - 1)  # a link's first batch is number 0
        return "taken" if self.bench.agent.sessions.lease(lease.token) else "not for now"

    def _tick(self, before: World) -> None:
        self.clock.advance(TICK_S)
        if not before.is_up:
            return
        for item in self.bench.agent.sessions.running:
            self.sent += 1
            item.publication.counts = Counts(seconds=float(self.sent * TICK_S))
        self.bench.agent.sessions.tick()
        self.fresh.append(self.bench.fresh())

    def _account(self, said: list[m.Message]) -> str:
        for message in said:
            if isinstance(message, m.Interrupted):
                claims = self.bench.claims(message)
                if self._is_new(claims["jti"]):
                    low, high = claims["seconds_min"] // TICK_S, (claims["seconds_max"] - 1) // TICK_S
                    at_most = min(low, MOST_SENT)
                    return f"interrupted {at_most} to {at_most + high - low}"
        return ""

    def _is_new(self, jti: str) -> bool:
        self.told = getattr(self, "told", set())
        is_new = jti not in self.told
        self.told.add(jti)
        return is_new


class RealPromises(RealAgent):
    """Answers the steps of `promises.Promises`."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        super().__init__(folder, tasks)
        self.leaves: dict[int, tuple[bytes, dict[str, Any]]] = {}
        self.log: list[bytes] = []

    async def do(self, action: Action, after: After, before: promises.World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        del before
        bench, leaf = self.bench, action.args[0] if action.args else -1
        match action.what:
            case "a grant is sent":
                return await self._grant(leaf)
            case "half the delay passes":
                self._pass_time()
            case "the session ends":
                bench.agent.sessions.end_all("asked")
            case "the leaf is sequenced":
                self.log.append(self.leaves[leaf][0])
            case "a proof arrives":
                self.prove(self.leaves[leaf][0], self.log)
            case "a head of another history":
                head = bench.agent.proofs.head
                assert head is not None
                forged = [*[b"\x00" * 32] * (head.size - 1), self.leaves[leaf][0]]
                self.prove(self.leaves[leaf][0], forged)
                return "contradiction" if bench.agent.proofs.contradiction else ""
            case "the agent restarts":
                self.boot()
            case "the site clears it":
                bench.agent.site.clear("promise_overdue", PIN)
        return ""

    def check(self, after: After) -> None:
        """The same promises wait, and a session runs or none does."""
        proofs = self.bench.agent.proofs
        assert proofs.outstanding == len(after.state.waiting)
        assert proofs.is_overdue == bool(after.state.overdue)
        assert bool(self.bench.agent.sessions.running) == after.state.is_live

    async def _grant(self, leaf: int) -> str:
        gateway = self.bench.gateway
        known = self.leaves.get(leaf)
        message = gateway.grant(self.bench.body(), leaf=known[1] if known else None)
        answer = await self.ask(message)
        if answer == "accepted":
            keys = (gateway.keys["grant"].public,)
            read = grants.parse(message.token, keys, gateway=GATEWAY, agent=AGENT, now=None)
            self.leaves[leaf] = (gateway.leaves[-1], read.grant.leaf)
        return answer

    def _pass_time(self) -> None:
        """Sessions are leased all the while, so that nothing but a promise ends them."""
        sessions = self.bench.agent.sessions
        for step_s in (5,) * 6 + (1,):
            pairs = [(item.grant.session, item.grant.jti) for item in sessions.running]
            sessions.lease(self.bench.gateway.lease(self.bench.fresh(), *pairs).token)
            self.clock.advance(step_s)
            sessions.tick()
        assert sum((5,) * 6 + (1,)) == HALF_DELAY_S
