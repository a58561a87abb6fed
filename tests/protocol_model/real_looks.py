"""Drives the real agent with the steps of `looks`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio.abc

from partner_agent.wire import messages as m
from partner_agent.wire import views
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.documents import VIEW_LABEL
from policies.vocabulary import Act
from tests.fakes.clock import START
from tests.policies import build
from tests.protocol_model import looks
from tests.protocol_model.engine import Action, After
from tests.protocol_model.looks import ACTS, LIVE, RECORDED, STILL, Sent
from tests.protocol_model.real_sessions import RealAgent
from tests.support.agents import PIN
from tests.support.documents import view_request
from tests.support.lying_gateway import OBLIGATIONS
from tests.support.passkeys import SoftPasskey

ME, SOMEBODY = "per_1", "per_2"


def _ago(minutes: int) -> str:
    return to_rfc3339(START - timedelta(minutes=minutes))


class RealLooks(RealAgent):
    """Answers the steps of `looks.Looks`."""

    def __init__(self, folder: Path, tasks: anyio.abc.TaskGroup) -> None:
        super().__init__(folder, tasks)
        self.passkey = SoftPasskey()
        asked = build.rule(acts=frozenset(map(Act, ACTS)), condition="ask")
        self.bench.share_more(build.policy(asked, owners=(self.passkey.owner,)))
        lineage = self.bench.agent.policy.position.lineage
        self.requests: dict[str, dict[str, Any]] = {}
        for act in ACTS:
            named = {} if act == LIVE else {"act": act, "who": ME}
            span = {"from": _ago(8), "to": _ago(4)} if act == RECORDED else {}
            self.requests[act] = view_request(lineage=lineage, request_id=f"vwr_{act}", **named, **span)
            self.bench.agent.desk.take(m.ViewAsk(id="msg", request=self.requests[act]))

    async def do(self, action: Action, after: After, before: looks.World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        del after
        match action.what, action.args:
            case "the owner says yes on site", (asked,):
                self.bench.agent.site.approve_view(views.parse(self.requests[asked]).sha256, PIN)
            case "a grant is sent", (sent,):
                return await self._grant(sent, is_touched=sent.asked in before.touched)
        return ""

    def check(self, after: After) -> None:
        """What was given is over; the requests that opened something are used up."""
        self.bench.agent.sessions.end_all("asked")
        used = self.bench.agent.store.rows("SELECT value FROM used WHERE kind = 'request'")
        assert {row["value"].removeprefix("vwr_") for row in used} == set(after.state.used)

    async def _grant(self, sent: Sent, *, is_touched: bool) -> str:
        request = self.requests[sent.asked]
        approval: dict[str, Any] = {"label": VIEW_LABEL, "document": request, "site_token": "t"}
        if is_touched:
            signed = self.passkey.approve(VIEW_LABEL, views.parse(request).sha256)
            approval |= {"assertion": {name: getattr(signed, name) for name in signed.__struct_fields__}}
        body = self.bench.body(approval=approval, act=sent.act, **_claims(sent))
        body["subject"] = body["subject"] | {"ref": SOMEBODY if sent.is_somebody_s else ME}
        answer = await self.ask(self.bench.gateway.grant(body))
        if answer == "accepted":
            self.prove(self.bench.gateway.leaves[-1], self.bench.gateway.leaves)
        return answer


def _claims(sent: Sent) -> dict[str, Any]:
    if sent.act == STILL:
        place = {"upload_url": "https://gw.example/stills/1", "upload_token": "once", "label": "7K2M-9QXT"}
        return {"publish": None, "still": place}
    if sent.act == RECORDED:
        begin = 9 if sent.is_wider else 8
        seconds = (begin - 4) * 60
        caps = {"seconds": seconds, "height_lines": 720}
        span = {"from": _ago(begin), "to": _ago(4)}
        return {"recorded": span, "caps": caps, "obligations": OBLIGATIONS | {"max_s": seconds}}
    return {}
