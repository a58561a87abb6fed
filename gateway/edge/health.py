"""`/healthz` (the process answers) and `/readyz` (it can do its work), and `/metrics` on a listener of its own.

Readiness is a list of probes the composition root hands in; each proves its point by doing it (a row is written, the
relay is asked) under a deadline. Names are public, reasons are not: they go to the log.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import msgspec
from litestar import Response, get
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.edge.observe import Metrics
from gateway.edge.requires import PUBLIC, requires

log = logging.getLogger("lenspact.health")

PROBE_DEADLINE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that must work. `check` returns when it does, and raises when it does not."""

    name: str
    check: Callable[[], Awaitable[None]]


async def readiness(probes: Sequence[Probe]) -> Mapping[str, bool]:
    """Ask every probe at once; a late answer is a no."""
    results: dict[str, bool] = {}

    async def ask(probe: Probe) -> None:
        results[probe.name] = False
        try:
            with anyio.fail_after(PROBE_DEADLINE_S):
                await probe.check()
        except Exception:  # a probe may fail in any way there is; failing is its answer
            log.warning("not ready: %s", probe.name, exc_info=True)
        else:
            results[probe.name] = True

    async with anyio.create_task_group() as group:
        for probe in probes:
            group.start_soon(ask, probe)
    return {probe.name: results[probe.name] for probe in probes}


def health_routes(probes: Sequence[Probe]) -> list[HTTPRouteHandler]:
    """The two handlers."""

    @get("/healthz", opt=requires(PUBLIC, reads_cookies=False), include_in_schema=False)
    async def healthz() -> Response[bytes]:
        """The process answers."""
        return Response(b'{"status":"ok"}', media_type="application/json")

    @get("/readyz", opt=requires(PUBLIC, reads_cookies=False), include_in_schema=False)
    async def readyz() -> Response[bytes]:
        """Everything it needs works, or 503 and the names of what does not."""
        checks = await readiness(probes)
        is_ready = all(checks.values())
        body = {
            "status": "ok" if is_ready else "failing",
            "checks": {k: "ok" if v else "failing" for k, v in checks.items()},
        }
        return Response(msgspec.json.encode(body), status_code=200 if is_ready else 503, media_type="application/json")

    return [healthz, readyz]


def metrics_app(metrics: Metrics) -> ASGIApp:
    """A tiny application for the loopback metrics listener: `GET /metrics` and nothing else."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != ScopeType.HTTP:
            return
        is_found = scope["path"] == "/metrics" and scope["method"] == "GET"
        body = (await metrics.page()).encode() if is_found else b""
        headers = [(b"content-type", b"text/plain; version=0.0.4"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if is_found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app
