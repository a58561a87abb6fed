"""The demo's site: simulated cameras and a real agent, paired and approved the way an owner would do it.

The owner's acts go through the same services the portal uses; the site's acts go through `lenspact-agent`, for the
gateway has no other way to a site.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
from argon2 import PasswordHasher

from gateway.app.demo_children import Child, ChildError, child, run_once
from gateway.app.demo_seed import CAMERA_NAMES, Partner
from gateway.app.demo_state import DemoState
from gateway.app.services import Services
from gateway.sites.ports import Site as Place
from policies.clauses import Preset, Recordings, of_preset

AGENT: Final = "partner_agent.cli"
SPARE_CAMERAS: Final = ("Loading dock", "Till")  # for whoever registers a shop of their own in the demo
FOOTAGE_S: Final = 240.0  # encoding the loops takes about a minute the first time, more on a busy machine
STEP_S: Final = 60.0
TELL_S: Final = 5.0  # how often a long step says how far it is
RING_BYTES: Final = 2_000_000_000
_PASSWORD_VARIABLE: Final = "LENSPACT_SIMULATOR_PASSWORD"  # noqa: S105  (the name of a variable)
_CODE: Final = re.compile(r"Code: ([A-Z]{4}-[A-Z]{4})")


@asynccontextmanager
async def simulated_cameras(
    state: DemoState, *, footage: Path, logs: Path, say: Callable[[str], None]
) -> AsyncIterator[list[dict[str, str]]]:
    """The simulated cameras, running; for each its name, label and addresses."""
    labels = [*CAMERA_NAMES, *SPARE_CAMERAS]
    arguments = ["simulate", "--cameras", str(len(labels)), "--port", str(state.rtsp_port)]
    arguments += [part for label in labels for part in ("--label", label)]
    arguments += ["--cache", str(footage)]
    variables = {_PASSWORD_VARIABLE: state.camera_password}
    async with child("cameras", AGENT, arguments, folder=logs, variables=variables) as cameras:
        watch = _encoding_told(2 * len(labels), say)
        ready = json.loads(await cameras.first_line(begins='{"ready": true', deadline_s=FOOTAGE_S, watch=watch))
        yield ready["cameras"]


def _encoding_told(loops: int, say: Callable[[str], None]) -> Callable[[str], None]:
    """Says every few seconds how many loops are encoded; nothing where they are there already."""
    told_at = anyio.current_time()

    def watch(output: str) -> None:
        nonlocal told_at
        if anyio.current_time() - told_at >= TELL_S:
            told_at = anyio.current_time()
            say(f"  {output.count(': 100 %')} of {loops} loops of footage are there")

    return watch


def write_agent_settings(state: DemoState, name: str, cameras: Sequence[dict[str, str]], *, page_port: int) -> Path:
    """The settings file of an agent, as an installer would write it; returns its path."""
    folder = state.folder / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = [
        "# Written by the demo. It trusts this machine's clock and lets the gateway name loopback addresses.",
        f"state_dir = {json.dumps(str(folder / 'state'))}",
        f"gateway = {json.dumps(state.origin)}",
        f"page_port = {page_port}",
        f"site_pin_hash = {json.dumps(PasswordHasher().hash(state.site_pin))}",
        "hold_s = 0  # the demo does not make you wait",
        "allow_loopback = true",
        "trust_clock = true",
        'media_address = "127.0.0.1"',
        f"ring_bytes = {RING_BYTES}",
    ]
    for camera in cameras:
        lines += [
            "",
            "[[cameras]]",
            f"name = {json.dumps(camera['name'])}",
            f"label = {json.dumps(camera['label'])}",
            f"url = {json.dumps(camera['main'])}",
            'user = "viewer"',
            f"password = {json.dumps(state.camera_password)}",
        ]
    path = folder / "agent.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")
    return path


@asynccontextmanager
async def site_agent(
    services: Services, state: DemoState, partner: Partner, *, settings: Path, logs: Path, say: Callable[[str], None]
) -> AsyncIterator[Child]:
    """The market's agent, running; paired, ticked, shared and approved if it was not yet."""
    if not state.is_done("paired"):
        say("Pairing the site's agent by a short code")
        await _pair(services, partner, settings, logs)
        state.finish("paired")
    async with child("agent", AGENT, ["--config", str(settings), "run"], folder=logs) as agent:
        if not state.is_done("shared"):
            say("Ticking its cameras and sharing them for emergencies only")
            await _tick(services, partner)
            await _share(services, partner)
            say("Approving that at the site, with the site PIN")
            await _approve(services, state, partner, settings=settings, logs=logs)
            state.finish("shared")
        yield agent


async def _pair(services: Services, partner: Partner, settings: Path, logs: Path) -> None:
    async with child("enrol", AGENT, ["--config", str(settings), "enrol", "--yes"], folder=logs) as enrol:
        line = await enrol.first_line(begins="  Code:", deadline_s=STEP_S)
        found = _CODE.search(line)
        place = Place(partner.site.id, partner.site.name, partner.site.organisation_id)
        if found is None:
            raise ChildError(f"no pairing code in: {line}")
        await services.sites.enrolments.approve(partner.owner, place, found.group(1))
        await enrol.first_line(begins="Paired.", deadline_s=STEP_S)


async def _tick(services: Services, partner: Partner) -> None:
    wanted = {camera.name: camera.id for camera in partner.cameras}

    async def choices() -> dict[str, str] | None:
        view = await services.sites.agents.view(partner.owner.organisation_id, partner.site.id)
        offered = {camera.local_id: wanted.get(camera.label, "") for camera in view.cameras}
        return offered if set(offered.values()) >= set(wanted.values()) else None

    offered = await _until(choices, "the agent did not offer its cameras")
    await services.sites.agents.tick(partner.owner, partner.site.id, offered)


async def _share(services: Services, partner: Partner) -> None:
    cameras = frozenset(camera.id for camera in partner.cameras)
    answers = of_preset(Preset.EMERGENCIES, cameras, is_home=False)
    clause = replace(answers, by_hand=True, recordings=Recordings.NEARBY)  # so that recordings can be looked at, too
    await services.sharing.save(partner.owner, partner.site.id, [clause], made_from=0)


async def _approve(services: Services, state: DemoState, partner: Partner, *, settings: Path, logs: Path) -> None:
    async def acknowledged() -> bool | None:
        agent = await services.sites.agents.agent_of(partner.site.id)
        return True if agent is not None and agent.acked_seq > 0 else None

    pin_file = settings.parent / "pin"
    pin_file.touch(mode=0o600)
    pin_file.write_text(state.site_pin)
    arguments = ["--config", str(settings), "approve", "--all", "--pin-file", str(pin_file)]
    try:
        with anyio.fail_after(STEP_S):
            while await acknowledged() is None:
                await run_once("approve", AGENT, arguments, folder=logs)
                await anyio.sleep(0.5)
    except TimeoutError as error:
        raise ChildError("the site did not acknowledge what is shared; see the agent's log") from error
    finally:
        pin_file.unlink(missing_ok=True)


async def _until(look: Callable[[], Any], otherwise: str) -> Any:
    with anyio.move_on_after(STEP_S):
        while True:
            found = await look()
            if found is not None:
                return found
            await anyio.sleep(0.1)
    raise ChildError(otherwise)
