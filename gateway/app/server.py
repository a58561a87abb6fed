"""How the web application meets the network: one uvicorn, small limits, nothing said about ourselves.

TLS ends before us; addresses and schemes that a proxy tells are believed only from `trusted_proxies`. The numbers were
measured (docs/design/adr): what a socket costs, and what a client may make us hold.
"""

from typing import Any, Final, cast

import uvicorn
from litestar.types import ASGIApp

from gateway.app.connections import http_protocol
from gateway.app.settings import Settings
from gateway.app.sockets import socket_protocol
from partner_agent.wire.limits import FRAME_BYTES

KEEP_ALIVE_S: Final = 5
HEADER_BYTES: Final = 32 * 1024
SHUTDOWN_S: Final = 5  # for requests that are being answered; agents and pages come back by themselves
PING_S: Final = 30.0  # WebSocket ping: finds connections that died without a word


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """The server's configuration; compression stays off, it costs 34 KiB per idle socket."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=cast("Any", http_protocol()),  # httptools, bounded
        ws=socket_protocol(),
        ws_max_size=FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        date_header=True,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        h11_max_incomplete_event_size=HEADER_BYTES,
        lifespan="on",
    )
