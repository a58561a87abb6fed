"""Drives the real agent with the steps of `key_sets` and `asking`."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio.abc

from partner_agent.wire import clips, views
from partner_agent.wire import messages as m
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from partner_agent.wire.keyset import Key
from partner_agent.wire.tokens import LocalSigner
from policies.vocabulary import Act
from tests.policies import build
from tests.protocol_model import asking, key_sets
from tests.protocol_model.asking import CLIP, VIEW, Touch
from tests.protocol_model.engine import Action, After
from tests.protocol_model.real_sessions import RealAgent
from tests.support.documents import clip_request, view_request
from tests.support.lying_gateway import OBLIGATIONS
from tests.support.passkeys import SoftPasskey

DAY_S: Final = 24 * 3600
STEP_S: Final = 150  # half of what a view that was asked for lives
LIVES_DAYS: Final = {1: 60, 2: 70, 3: 80}  # from its signing; a newer one outlives an older one


class RealKeySets(RealAgent):
    """Answers the steps of `key_sets.KeySets`."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        super().__init__(folder, tasks)
        gateway = self.bench.gateway
        self.grant_keys = {1: gateway.keys["grant"]}
        self.sets = [gateway.key_set]

    async def do(self, action: Action, after: After, before: key_sets.World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        del after
        match action.what:
            case "the root signs a key set":
                self._sign(len(self.sets) + 1)
            case "key sets are offered":
                first, last = action.args
                self.bench.heard(m.Message)
                tokens = [key_set.token for key_set in self.sets[first - 1 : last]]
                self.bench.agent.desk.take(m.KeySets(id="msg", tokens=tokens))
                return "noted" if isinstance(self.bench.heard(m.Message)[0], m.Noted) else "refused"
            case "a grant is sent":
                signer = self.grant_keys[action.args[0]]
                return await self.ask(self.bench.gateway.grant(self.bench.body(), signer=signer))
            case "the agent is away until its keys expire":
                self.clock.advance((LIVES_DAYS[before.held] + 1) * DAY_S)
        return ""

    def check(self, after: After) -> None:
        """The same version is held."""
        self.bench.agent.sessions.end_all("asked")
        for leaf in list(self.bench.gateway.leaves):
            if self.bench.agent.proofs.outstanding:
                self.prove(leaf, self.bench.gateway.leaves)
        assert self.bench.agent.identity.key_set.version == after.state.held

    def _sign(self, version: int) -> None:
        gateway = self.bench.gateway
        self.grant_keys[version] = gateway.keys["grant"] = LocalSigner.generate("Ed25519")
        now, grant = self.clock.now(), self.grant_keys[version].public
        until = now + timedelta(days=LIVES_DAYS[version])
        keys = [Key(k.role, grant if k.role == "grant" else k.public, until) for k in self.sets[-1].keys]
        self.sets.append(gateway.next_key_set(self.sets[-1], keys=keys, now=now))


class RealAsking(RealAgent):
    """Answers the steps of `asking.Asking`."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        super().__init__(folder, tasks)
        self.passkey = SoftPasskey()
        asked = build.rule(acts=frozenset({Act.CLIP_FETCH, Act.LIVE_VIEW}), condition="ask")
        self.bench.share_more(build.policy(asked, owners=(self.passkey.owner,)))
        lineage = self.bench.agent.policy.position.lineage
        self.requests: dict[tuple[str, int], dict[str, Any]] = {}
        for number in (0, 1):
            self.requests[CLIP, number] = clip_request(lineage=lineage, request_id=f"clr_{number}")
            self.requests[VIEW, number] = view_request(
                lineage=lineage, request_id=f"vwr_{number}", expires_at="2026-11-23T16:00:00Z"
            )
            self.bench.agent.desk.take(m.ClipAsk(id="msg", request=self.requests[CLIP, number]))

    async def do(self, action: Action, after: After, before: asking.World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        del after
        match action.what, action.args:
            case "the owner answers on site", (number, answer):
                self.bench.agent.clip_desk.decide(self._digest((CLIP, number)), answer)
            case "a grant is sent", (kind, number, touch):
                return await self._grant(kind, number, touch)
            case "time passes", _:
                assert before.view_left is not None
                return self._pass_time()
        return ""

    def check(self, after: After) -> None:
        """A view runs, or none does."""
        running = [item for item in self.bench.agent.sessions.running if item.clip is None]
        assert bool(running) == (after.state.view_left is not None)

    def _digest(self, request: tuple[str, int]) -> str:
        raw = self.requests[request]
        return clips.parse(raw).sha256 if request[0] == CLIP else views.parse(raw).sha256

    async def _grant(self, kind: str, number: int, touch: Touch | None) -> str:
        changes: dict[str, Any] = {}
        if touch is not None:
            label = CLIP_LABEL if touch[2] == CLIP else VIEW_LABEL
            signed = self.passkey.approve(label, self._digest(touch[:2]))
            assertion = {name: getattr(signed, name) for name in signed.__struct_fields__}
            stated = CLIP_LABEL if kind == CLIP else VIEW_LABEL
            changes["approval"] = {"label": stated, "document": self.requests[kind, number], "assertion": assertion}
        if kind == CLIP:
            upload = {"upload_url": "https://gw.example/uploads/1", "upload_token": "t"}
            changes |= {"act": "clip.fetch", "publish": None, "clip": upload | {"request": self.requests[kind, number]}}
        answer = await self.ask(self.bench.gateway.grant(self.bench.body(obligations=OBLIGATIONS, **changes)))
        if answer == "accepted":
            self.prove(self.bench.gateway.leaves[-1], self.bench.gateway.leaves)
        return answer

    def _pass_time(self) -> str:
        sessions = self.bench.agent.sessions
        self.bench.heard(m.Message)
        for _ in range(STEP_S // 5):
            pairs = [(item.grant.session, item.grant.jti) for item in sessions.running]
            sessions.lease(self.bench.gateway.lease(self.bench.fresh(), *pairs).token)
            self.clock.advance(5)
            sessions.tick()
        return "ended" if self.bench.heard(m.Stopped) else ""
