"""Tunnels whose law says what a test tells it: one site, its publications, its key, and its link."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from gateway.live.tunnels.ports import TunnelEnds
from gateway.live.tunnels.service import Tunnels
from partner_agent.wire.clock import Clock, SystemClock
from partner_agent.wire.tokens import LocalSigner, PublicKey
from partner_agent.wire.tunnels import make_token, socket_url

AGENT = "agt"


@dataclass
class Premises:
    """One site as the gateway knows it.

    Attributes:
        problem: why nothing can be asked of it.
        publications: of its open views.
    """

    device: LocalSigner = field(default_factory=lambda: LocalSigner.generate("ES256"))
    problem: str = ""
    is_removed: bool = False
    publications: set[str] = field(default_factory=lambda: {"pub_1"})

    def __iter__(self) -> Any:
        sessions = [SimpleNamespace(publication=name, agent_id=AGENT) for name in self.publications]
        return iter([SimpleNamespace(session=session, is_granted=True) for session in sessions])

    def problem_of(self, agent_id: str) -> str:
        assert agent_id == AGENT
        return self.problem

    async def device_key(self, agent_id: str) -> PublicKey | None:
        assert agent_id == AGENT
        return None if self.is_removed else self.device.public

    def token(self, path: str, *, origin: str) -> str:
        """What its device signs for the tunnel at `path`."""
        return make_token(self.device, agent=AGENT, url=socket_url(origin + path), now=SystemClock().now())

    def tunnels(self, ends: TunnelEnds, *, origin: str, clock: Clock | None = None) -> Tunnels:
        """The tunnels of a gateway at `origin` that knows this site alone."""
        itself: Any = self
        return Tunnels(board=itself, links=itself, keys=itself, ends=ends, gateway=origin, clock=clock or SystemClock())
