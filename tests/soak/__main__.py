"""`make soak-live`: an hour of twenty cameras and a hundred joins and leaves a minute, through every real part.

The demo with so many cameras runs as a child: gateway, relay, agent, simulated cameras. Two people are signed in;
visitors in their names open views over the API and watch with ends of their own. Not 0 when memory grew, or when
sockets, threads or tasks are left over once all have gone.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio
import httpx
from playwright.sync_api import Page

from tests.smoke.measure import child_of
from tests.smoke.people import MARKET, Operator
from tests.smoke.stage import Demo, chromium, running_demo, window
from tests.soak.counted.sitecustomize import FOLDER
from tests.soak.crowd import WAYS, Crowd, Desk
from tests.soak.samples import MOST_GROWTH_PERCENT, Sample, growth_percent, least, left_over, look

LOOKS: Final = 60  # samples over the whole run
REST_LOOKS: Final = 15  # a second apart
REST_S: Final = 45.0  # for the last ends, and for who never called (35 s)
FINE: Final = frozenset({"saw pictures", *WAYS})
TOWN: Final = ("tests.bench.live.town",)
COUNTED: Final = Path(__file__).parent / "counted"


@dataclass
class Watched:
    """The processes, and what they held at each look."""

    pids: dict[str, int]
    tasks: Path
    rows: list[dict[str, Sample]] = field(default_factory=list)

    def look(self) -> dict[str, Sample]:
        """One look at each."""
        return {name: look(pid) for name, pid in self.pids.items()}

    def tasks_of(self, name: str) -> int:
        """How many tasks ran in a process within the last second."""
        return int((self.tasks / str(self.pids[name])).read_text())


def main(arguments: list[str]) -> int:
    """Run; the exit status tells."""
    reader = argparse.ArgumentParser(prog="python -m tests.soak")
    reader.add_argument("--minutes", type=float, default=60)
    reader.add_argument("--cameras", type=int, default=20)
    reader.add_argument("--joins", type=float, default=100, help="a minute; as many leave")
    options = reader.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="lenspact-soak-") as folder:
        tasks = Path(folder) / "tasks"
        tasks.mkdir()
        os.environ |= {"PYTHONPATH": str(COUNTED), FOLDER: str(tasks)}
        with running_demo(Path(folder) / "demo", TOWN, ("--cameras", str(options.cameras))) as demo:
            facts = _signed_in(demo)
            watched = Watched(
                {
                    "gateway": demo.pid,
                    "relay": child_of(demo.pid, "gateway.app.relay"),
                    "agent": int(demo.facts["agent_pid"]),
                },
                tasks,
            )
            return anyio.run(partial(_soak, watched, facts, demo.origin, options))


def _signed_in(demo: Demo) -> list[dict[str, Any]]:
    """Two people before the same incident: their cookies, and what the page says of it."""
    with chromium() as browser:
        operator = Operator(demo, window(browser))
        operator.sign_in()
        operator.open_incident(number="26-900", at=MARKET)
        supervisor = Operator(demo, window(browser))
        supervisor.sign_in("supervisor")
        supervisor.page.goto(operator.page.url)
        facts = [_facts(who.page) for who in (operator, supervisor)]
        for who in (operator, supervisor):
            who.close_pictures()
    return facts


def _facts(page: Page) -> dict[str, Any]:
    said: dict[str, Any] = page.evaluate("() => ({...document.getElementById('console').dataset})")
    cameras = page.evaluate("() => [...document.querySelectorAll('#cameras li.camera')].map((li) => li.dataset.camera)")
    agent = page.evaluate("() => navigator.userAgent")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    return {"said": said, "cameras": cameras, "cookies": cookies, "user-agent": agent}


def _desk(facts: dict[str, Any], origin: str) -> Desk:
    headers = {"x-csrf-token": facts["said"]["csrf"], "origin": origin, "user-agent": facts["user-agent"]}
    headers["cookie"] = "; ".join(f"{name}={value}" for name, value in facts["cookies"].items())
    http = httpx.AsyncClient(base_url=origin, headers=headers, timeout=30)
    return Desk(http, facts["said"]["incident"], facts["said"]["purpose"], tuple(facts["cameras"]))


async def _soak(watched: Watched, facts: list[dict[str, Any]], origin: str, options: argparse.Namespace) -> int:
    desks = tuple(_desk(each, origin) for each in facts)
    crowd = Crowd(desks, options.joins, Random(1))
    await crowd.come_and_go(20)  # what is made once and kept is there before the first look
    await anyio.sleep(REST_S)
    before, tasks_before = await _at_rest(watched)
    crowd.told.clear()
    seconds = options.minutes * 60
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_keep_looking, watched, crowd, seconds)
        await crowd.come_and_go(seconds)
        tasks.cancel_scope.cancel()
    await anyio.sleep(REST_S)
    after, tasks_after = await _at_rest(watched)
    found = left_over(before, after)
    for name, count in tasks_after.items():
        more = count - tasks_before[name]
        found += [f"{name}: {more} more tasks"] if more > 0 else []
    for desk in desks:
        await desk.http.aclose()
    return _report(watched, crowd, found)


async def _at_rest(watched: Watched) -> tuple[dict[str, Sample], dict[str, int]]:
    """What each process holds, and its tasks: of each the least of several looks."""
    held, tasks = [], []
    for _ in range(REST_LOOKS):
        await anyio.sleep(1)
        held.append(watched.look())
        tasks.append({name: watched.tasks_of(name) for name in watched.pids})
    return (
        {name: least([look[name] for look in held]) for name in watched.pids},
        {name: min(look[name] for look in tasks) for name in watched.pids},
    )


async def _keep_looking(watched: Watched, crowd: Crowd, seconds: float) -> None:
    for number in range(LOOKS):
        await anyio.sleep(seconds / LOOKS)
        row = watched.look()
        watched.rows.append(row)
        parts = [
            f"{name} {each.memory_mb:.1f} MB {each.udp}/{each.tcp}/{each.unix} sockets {watched.tasks_of(name)} tasks"
            for name, each in row.items()
        ]
        said = ", ".join([*parts, f"{crowd.inside} inside"])
        print(f"{number + 1}/{LOOKS}: {said}", flush=True)


def _report(watched: Watched, crowd: Crowd, found: list[str]) -> int:
    print("\nvisitors:", dict(crowd.told.most_common()))
    is_flat = True
    for name in watched.pids:
        grown = growth_percent([row[name].memory_mb for row in watched.rows])
        is_flat = is_flat and grown <= MOST_GROWTH_PERCENT
        first, last = watched.rows[0][name].memory_mb, watched.rows[-1][name].memory_mb
        whole = f"from the first look to the last {100 * (last / first - 1):+.1f} % ({first:.1f} -> {last:.1f} MB)"
        print(f"soak_memory_growth {name}: {grown:+.1f} % once warm, at most {MOST_GROWTH_PERCENT}; {whole}")
    print("left over:", "; ".join(found) or "nothing")
    saw, missed = crowd.told["saw pictures"], sum(count for what, count in crowd.told.items() if what not in FINE)
    return 0 if is_flat and not found and saw > 20 * missed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
