"""A site in a process of its own, and so in a network of its own: plays a film to the relay by the agent's publisher.

`python -m tests.support.far_site URL TICKET FINGERPRINT FILM CERTIFICATE [DEVICE]`; says `sending`, its own certificate
and from where once pictures may flow. CERTIFICATE is that of the TURN server it believes; - for none at all. DEVICE is
the file of the key that opens tunnels.
"""

import json
import ssl
import sys
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx

from partner_agent.rtc import certificate
from partner_agent.rtc.detours import Detours
from partner_agent.rtc.whip import Publisher, PublishTarget
from partner_agent.websocket import WebSocketDialler, WebSocketTunnel
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.tokens import LocalSigner
from partner_agent.wire.tunnels import make_token
from tests.support import cameras, relays
from tests.support.tunnels import AGENT


async def play(target: PublishTarget, film: Path, trusted: str, device: LocalSigner | None) -> None:
    """Publish until killed."""
    stream = cameras.small_stream(film, film.parent, gop_frames=30)
    clock = SystemClock()
    async with httpx.AsyncClient() as http, anyio.create_task_group() as tasks:
        publisher = Publisher(
            http=http,
            identity=certificate.generate(clock.now()),
            media_address="",
            allows_address=lambda _: True,
            clock=clock,
            ids=SystemIds(),
            detours=Detours(
                _none if trusted == "-" else _any,
                trust=None if trusted == "-" else ssl.create_default_context(cafile=trusted),
                dial_tunnel=partial(dial, device) if device else None,
            ),
        )
        publication = await publisher.publish(relays.play(stream), target, tasks=tasks)
        port = publication._leg.port
        sys.stdout.write(f"sending {publisher.fingerprint} {type(port).__name__} {port and port.address[0]}\n")
        sys.stdout.flush()


class _Anywhere:
    """Rules that allow every literal address, and the key set they need."""

    def __call__(self) -> None:
        """None at all."""

    async def target(self, url: str, key_set: object) -> object:
        del key_set
        return ip_address(urlsplit(url).hostname or "")


async def dial(device: LocalSigner, url: str) -> WebSocketTunnel:
    """The tunnel at `url`, as the site opens it."""
    anywhere: Any = _Anywhere()
    token = make_token(device, agent=AGENT, url=url, now=SystemClock().now())
    return await WebSocketDialler(addresses=anywhere, key_set=anywhere, user_agent="far").dial_tunnel(url, token)


async def _none(host: str, port: int) -> None:
    del host, port


async def _any(host: str, port: int) -> str:
    del port
    return host


if __name__ == "__main__":
    key = LocalSigner(json.loads(Path(sys.argv[6]).read_text())) if len(sys.argv) > 6 else None
    anyio.run(play, PublishTarget(*sys.argv[1:4]), Path(sys.argv[4]), sys.argv[5], key)
