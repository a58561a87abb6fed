"""Drives the real agent with the steps of `viewing`."""

from pathlib import Path
from typing import Any, Final

import anyio.abc

from partner_agent.site import ActError
from partner_agent.wire import messages as m
from partner_agent.wire import views
from partner_agent.wire.documents import VIEW_LABEL
from tests.policies import build
from tests.protocol_model import viewing
from tests.protocol_model.engine import Action, After
from tests.protocol_model.real_sessions import RealAgent
from tests.support.agents import PIN
from tests.support.documents import view_request
from tests.support.passkeys import SoftPasskey

STEP_S: Final = 150  # half of what a view that was asked for lives


class RealViewing(RealAgent):
    """Answers the steps of `viewing.Viewing`."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        super().__init__(folder, tasks)
        self.passkey = SoftPasskey()
        self.bench.share_more(build.policy(build.rule(condition="ask"), owners=(self.passkey.owner,)))
        self.requests = [self._request(f"vwr_{number}", f"inc_{number}") for number in (0, 1)]
        self.others = [self._request(f"vwr_{number + 2}", f"inc_{number}") for number in (0, 1)]

    async def do(self, action: Action, after: After, before: viewing.World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        del after, before
        match action.what, action.args:
            case "a view is asked for", (number,):
                return self._ask(self.requests[number])
            case "another view is asked for", (number,):
                return self._ask(self.others[number])
            case "yes on site", (number,):
                return self._on_site(number, "yes")
            case "no on site", (number,):
                return self._on_site(number, "no")
            case "no by link", (number,):
                return self._no_by_link(number)
            case "a grant is sent", (number, touch):
                return await self._grant(number, touch)
            case "time passes", _:
                return self._pass_time()
            case "the agent restarts", _:
                self.boot()
        return ""

    def check(self, after: After) -> None:
        """The same view runs, or none does."""
        running = [item.grant.incident.ref for item in self.bench.agent.sessions.running if item.grant.incident]
        number = after.state.running
        assert running == ([] if number is None else [f"inc_{number}"])

    def _request(self, request_id: str, incident: str) -> dict[str, Any]:
        lineage = self.bench.agent.policy.position.lineage
        return view_request(
            lineage=lineage, request_id=request_id, incident=incident, expires_at="2026-11-23T16:00:00Z"
        )

    def _ask(self, request: dict[str, Any]) -> str:
        self.bench.heard(m.Message)
        self.bench.agent.desk.take(m.ViewAsk(id="msg", request=request))
        (answer,) = self.bench.heard(m.Message)
        return answer.code if isinstance(answer, m.Problem) else "noted"

    def _on_site(self, number: int, answer: str) -> str:
        site, digest = self.bench.agent.site, views.parse(self.requests[number]).sha256
        self.bench.heard(m.Message)
        try:
            site.approve_view(digest, PIN) if answer == "yes" else site.decline_view(digest)
        except ActError:
            return "nothing waits"
        said = self.bench.heard(m.Message)
        return "ended" if any(isinstance(item, m.Stopped) for item in said) else "said"

    def _no_by_link(self, number: int) -> str:
        self.bench.heard(m.Message)
        digest = views.parse(self.requests[number]).sha256
        self.bench.agent.desk.take(m.ViewNo(id="msg", request_sha256=digest))
        said = self.bench.heard(m.Message)
        return "ended" if any(isinstance(item, m.Stopped) for item in said) else "noted"

    async def _grant(self, number: int, touch: int | None) -> str:
        request = self.requests[number]
        approval: dict[str, Any] = {"label": VIEW_LABEL, "document": request}
        if touch is not None:
            signed = self.passkey.approve(VIEW_LABEL, views.parse(self.requests[touch]).sha256)
            approval["assertion"] = {name: getattr(signed, name) for name in signed.__struct_fields__}
        body = self.bench.body(approval=approval)
        body["incident"] = body["incident"] | {"ref": request["incident"]}
        answer = await self.ask(self.bench.gateway.grant(body))
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
