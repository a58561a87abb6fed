"""`lenspact demo`: the main job on this machine, with simulated cameras, in one command.

The gateway runs in this process; cameras, the site's agent and the relay are children. Everything listens on loopback
only and is kept in one folder, so the next start goes on where this one ended. Demo state is marked as such, and
sign-ins with live one-time codes are shown for it alone.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import anyio.to_thread

from gateway.app.demo_children import Child
from gateway.app.demo_seed import Partner, code_at, seed_agency, seed_home, seed_market
from gateway.app.demo_site import simulated_cameras, site_agent, write_agent_settings
from gateway.app.demo_state import FOLDER, DemoState
from gateway.app.one_writer import only_writer
from gateway.app.serve import serve_prepared
from gateway.app.services import Services
from gateway.app.settings import Settings
from gateway.app.setup import prepare
from gateway.identity import newest_link
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.steady import put_aside

CODE_PERIOD_S: Final = 30.0  # RFC 6238: how long a one-time code is good
MAIL_TRIES: Final = 100
READY: Final = "The demo is ready."
READY_FILE: Final = "ready.json"  # there while it is


async def run(folder: Path, footage: Path, say: Callable[[str], None]) -> None:
    """Run the demo in `folder` until interrupted; `footage` keeps the encoded loops, which a fresh start uses again.

    Raises:
        ChildError: a part could not start, or ended too early.
        ConflictError: a demo runs in this folder already.
        NotDemoError: the folder holds something else.
    """
    state = DemoState.open(folder)
    settings = demo_settings(state)
    await anyio.Path(settings.state_dir).mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_writer(settings.state_dir):
        ready = state.folder / READY_FILE
        ready.unlink(missing_ok=True)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_end_on_signal, group.cancel_scope)
                await _stage(state, settings, footage, say)
        finally:
            ready.unlink(missing_ok=True)
    say("The demo has ended; its state is kept.")


async def _stage(state: DemoState, settings: Settings, footage: Path, say: Callable[[str], None]) -> None:
    """Cameras, gateway, people, the site: each started once the one before answers."""
    logs = state.folder / "log"
    say("Starting the cameras (the first time their footage is encoded, about a minute)")
    async with (
        simulated_cameras(state, footage=footage, logs=logs, say=say) as cameras,
        _request_log(logs) as write_access_line,
        anyio.create_task_group() as group,
    ):
        say("Preparing the gateway")
        services = await prepare(settings)
        await seed_agency(services, state)
        market = await seed_market(services, state)
        await seed_home(services)
        mine, others = cameras[: len(market.cameras)], cameras[len(market.cameras) :]
        mine_settings = write_agent_settings(state, "site", mine, page_port=state.agent_page_port)
        spare = write_agent_settings(state, "spare", others, page_port=0)
        ready = anyio.Event()
        group.start_soon(serve_prepared, services, settings, ready.set, write_access_line)
        await ready.wait()
        async with site_agent(services, state, market, settings=mine_settings, logs=logs, say=say) as agent:
            await _open_house(services, state, market, agent, say)
            put_aside()
            say(f"A second site is ready to be paired: {typed('lenspact-agent')} --config {spare} enrol")
            await agent.wait()


@asynccontextmanager
async def _request_log(logs: Path) -> AsyncIterator[Callable[[bytes], None]]:
    """Requests go to a file: a person reads sign-ins in this terminal."""
    with (logs / "requests.log").open("ab", buffering=0) as file:

        def write(line: bytes) -> None:
            file.write(line + b"\n")

        yield write


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


def demo_settings(state: DemoState) -> Settings:
    """The gateway's settings for a demo: embedded, loopback only."""
    return Settings(
        public_url=state.origin,
        host="localhost",
        port=state.http_port,
        state_dir=state.folder / "gateway",
        media_addresses=("127.0.0.1",),
        agency_name="Chicago Police (demo)",
    )


async def _open_house(
    services: Services, state: DemoState, market: Partner, agent: Child, say: Callable[[str], None]
) -> None:
    """Print who can sign in, and leave the same for programs in `ready.json`."""
    spool = state.folder / "gateway" / "spool"
    former = await anyio.to_thread.run_sync(newest_link, spool, state.owner_mail)
    await services.identity.send_link(state.owner_mail, next_path="/portal")
    link = await _new_link(state, spool, former)
    for line in sign_ins(state, services.clock.now(), link):
        say(line)
    facts = {
        "origin": state.origin,
        "agent_page_port": state.agent_page_port,
        "agent_pid": agent.pid,
        "site": market.site.id,
    }
    await anyio.Path(state.folder / READY_FILE).write_text(json.dumps(facts))
    say(READY + " Ctrl-C ends it; `make demo-reset` forgets it.")


async def _new_link(state: DemoState, spool: Path, former: str) -> str:
    """The one-time link that was not there before; the outbox needs a moment to hand its mail over."""
    for _ in range(MAIL_TRIES):
        link = await anyio.to_thread.run_sync(newest_link, spool, state.owner_mail)
        if link not in {"", former}:
            return link
        await anyio.sleep(0.1)
    return f"none yet: ask for one at {state.origin}/sign-in/owner; mails lie in {spool}"


def sign_ins(state: DemoState, now: datetime, owner_link: str) -> list[str]:
    """The lines that let a person try everything."""
    left_s = CODE_PERIOD_S - now.timestamp() % CODE_PERIOD_S
    lines = [
        "",
        f"  Owner       {state.origin}/portal",
        f"              one-time link: {owner_link}",
        f"              the site's own page: http://127.0.0.1:{state.agent_page_port}/  (site PIN {state.site_pin})",
    ]
    doors = {"operator": "console", "supervisor": "console", "compliance": "oversight", "admin": "admin"}
    for person in state.people:
        role = person.roles[0]
        lines += [
            f"  {role.capitalize():<11} {state.origin}/{doors[role]}",
            f"              {person.mail}   password {person.password}   code {code_at(now, person)}",
        ]
    again = f"{typed('lenspact')} demo --codes" + ("" if state.folder == FOLDER else f" --folder {state.folder}")
    lines += ["", f"  Codes change every 30 s (these in {left_s:.0f} s). To see them again: {again}", ""]
    return lines


def typed(program: str) -> str:
    """What a person types here to start `program`: its name where the shell finds it, else its path."""
    if shutil.which(program):
        return program
    return os.path.relpath(Path(sys.executable).with_name(program))


async def show_codes(folder: Path, say: Callable[[str], None]) -> None:
    """Show the sign-ins of the demo in `folder` with the codes of this moment.

    Raises:
        NotDemoError: the folder holds no demo.
    """
    state = DemoState.existing(folder)
    for line in sign_ins(state, SystemClock().now(), f"ask for one at {state.origin}/sign-in/owner"):
        say(line)
