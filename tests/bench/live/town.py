"""`python -m tests.bench.live.town`: the demo with ten small cameras, and perhaps a long and lossy way of media.

Nine cameras are recorded, so the site has them open and keeps their last pictures; the tenth is not, so nothing is
open before somebody watches it. With `--loss` or `--rtt` site and browser reach the relay by a detour.
"""

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio

from gateway.app import demo, demo_seed, demo_site
from gateway.app.demo_children import Child
from gateway.app.demo_state import DemoState
from gateway.app.services import Services
from gateway.app.settings import Settings
from gateway.sharing import model as sharing
from tests.bench.live.cameras import SENT_VARIABLE
from tests.bench.live.far import FarCalls

WALL: Final = tuple(f"Camera {number}" for number in range(1, 10))
UNOPENED: Final = "Unopened"
SENT: Final = "sent.log"  # in the demo's folder


def main() -> None:
    """Run until interrupted."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--folder", type=Path, required=True)
    reader.add_argument("--footage", type=Path, required=True)
    reader.add_argument("--loss", type=float, default=0.0, help="share of RTP and RTCP packets, each way")
    reader.add_argument("--rtt", type=float, default=0.0, metavar="S", help="of every datagram, there and back")
    options = reader.parse_args()
    _exchange(demo_seed, "CAMERA_NAMES", (*WALL, UNOPENED))
    _exchange(demo_site, "CAMERA_NAMES", (*WALL, UNOPENED))
    _exchange(demo_site, "SPARE_CAMERAS", ())
    _exchange(demo_site, "child", _counting_cameras(options.folder / SENT, demo_site.child))
    _exchange(demo, "write_agent_settings", _unrecorded_last)
    _exchange(
        sharing, "SITE_TOTALS", replace(sharing.SITE_TOTALS, views_at_once=len(WALL) + 1)
    )  # 8 unless the owner says
    if options.loss or options.rtt:
        _exchange(demo, "prepare", _far(options.loss, options.rtt))
    anyio.run(demo.run, options.folder, options.footage, print, backend_options={"use_uvloop": True})


def _exchange(module: Any, name: str, value: object) -> None:
    assert hasattr(module, name)
    setattr(module, name, value)


def _counting_cameras(sent: Path, whole: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def child(
        name: str, module: str, arguments: Sequence[str], *, folder: Path, variables: Mapping[str, str] | None = None
    ) -> AsyncIterator[Child]:
        if name == "cameras":
            module, arguments = "tests.bench.live.cameras", [*arguments[1:], "--counter"]
            variables = {**(variables or {}), SENT_VARIABLE: str(sent)}
        async with whole(name, module, arguments, folder=folder, variables=variables) as running:
            yield running

    return child


def _unrecorded_last(state: DemoState, name: str, cameras: Sequence[dict[str, str]], *, page_port: int) -> Path:
    path = demo_site.write_agent_settings(state, name, cameras, page_port=page_port)
    if cameras:
        with path.open("a") as file:
            file.write("is_recorded = false\n")
    return path


def _far(loss: float, rtt_s: float) -> Callable[[Settings], Any]:
    near = demo.prepare

    async def prepare(settings: Settings) -> Services:
        services = await near(settings)
        calls = services.live_calls
        calls._relay = FarCalls(calls._relay, loss=loss, rtt_s=rtt_s)
        return services

    return prepare


if __name__ == "__main__":
    sys.exit(main())
