"""`python -m tests.bench.live.town`: the demo with ten small cameras, and perhaps a long and lossy way of media.

All but one are recorded, so the site has them open and keeps their last pictures; of the last one nothing is open
before somebody watches it. With `--loss` or `--rtt` site and browser reach the relay by a detour, the site not with
`--near-site`.
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
from policies import parts
from policies.clauses import Clause
from tests.bench.live.cameras import SENT_VARIABLE
from tests.bench.live.far import FarCalls


def recorded(cameras: int) -> tuple[str, ...]:
    """The names of all but the last of so many cameras."""
    return tuple(f"Camera {number}" for number in range(1, cameras))


CAMERAS: Final = 10
WALL: Final = recorded(CAMERAS)
UNOPENED: Final = "Unopened"
AT_ONCE: Final = 4  # views of each camera, on average; who never calls counts for 35 s
SENT: Final = "sent.log"  # in the demo's folder


def main() -> None:
    """Run until interrupted."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--folder", type=Path, required=True)
    reader.add_argument("--footage", type=Path, required=True)
    reader.add_argument("--loss", type=float, default=0.0, help="share of RTP and RTCP packets, each way")
    reader.add_argument("--rtt", type=float, default=0.0, metavar="S", help="of every datagram, there and back")
    reader.add_argument("--near-site", action="store_true", help="only browsers are far")
    reader.add_argument("--cameras", type=int, default=CAMERAS)
    options = reader.parse_args()
    names = (*recorded(options.cameras), UNOPENED)
    _exchange(demo_seed, "CAMERA_NAMES", names)
    _exchange(demo_site, "CAMERA_NAMES", names)
    _exchange(demo_site, "SPARE_CAMERAS", ())
    _exchange(demo_site, "child", _counting_cameras(options.folder / SENT, demo_site.child))
    _exchange(demo, "write_agent_settings", _as_measured)
    _exchange(demo_site, "of_preset", _all_day(demo_site.of_preset))
    _exchange(sharing, "SITE_TOTALS", replace(sharing.SITE_TOTALS, views_at_once=AT_ONCE * len(names)))  # 8 by itself
    if options.loss or options.rtt:
        _exchange(demo, "prepare", _far(options.loss, options.rtt, is_site_near=options.near_site))
    anyio.run(demo.run, options.folder, options.footage, print, backend_options={"use_uvloop": True})


def _all_day(whole: Callable[..., Clause]) -> Callable[..., Clause]:
    return lambda *given, **named: replace(whole(*given, **named), live_s_per_day=parts.MAX_PER_DAY_S)


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


def _as_measured(state: DemoState, name: str, cameras: Sequence[dict[str, str]], *, page_port: int) -> Path:
    path = demo_site.write_agent_settings(state, name, cameras, page_port=page_port)
    written = path.read_text()
    path.write_text(f"max_views = {AT_ONCE * len(cameras)}\n{written}")
    if cameras:
        with path.open("a") as file:
            file.write("is_recorded = false\n")
    return path


def _far(loss: float, rtt_s: float, *, is_site_near: bool) -> Callable[[Settings], Any]:
    near = demo.prepare

    async def prepare(settings: Settings) -> Services:
        services = await near(settings)
        calls = services.live_calls
        calls._relay = FarCalls(calls._relay, loss=loss, rtt_s=rtt_s, is_site_near=is_site_near)
        return services

    return prepare


if __name__ == "__main__":
    sys.exit(main())
