"""The stage of the run: a fresh demo in a folder of its own, and a Chromium with a window for each person."""

import base64
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from gateway.identity import newest_link
from tests.smoke.frames import INIT
from tests.support.authenticator_app import AuthenticatorApp
from tests.support.browser import FLAGS

READY_S: Final = 420.0  # set-up on a busy machine, with the footage encoded anew
STOP_S: Final = 20.0
FOOTAGE: Final = Path(__file__).parents[2] / ".demo-footage"  # encoded once, whatever is fresh
MEDIA_FLAGS: Final = [
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-gpu-compositing",  # without a GPU, pages are put together faster by the CPU than by an emulated GPU
]


class MissingPartError(Exception):
    """Something this run needs is not installed; the text names the package."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo.

    Attributes:
        folder: its state.
        facts: what it wrote into ready.json: origin, agent_page_port, site, agent_pid …
        people: sign-ins by role: mail, password, totp_seed.
        apps: the authenticator app of each of them; a code serves once.
        pid: of the gateway's process.
    """

    folder: Path
    facts: dict[str, Any]
    people: dict[str, dict[str, Any]]
    apps: dict[str, AuthenticatorApp]
    site_pin: str
    pid: int

    @property
    def origin(self) -> str:
        """Where the gateway answers."""
        return str(self.facts["origin"])


HONEST: Final = ("gateway.app.cli", "demo")
LYING: Final = ("tests.smoke.liar",)


@contextmanager
def running_demo(folder: Path, program: tuple[str, ...] = HONEST, options: tuple[str, ...] = ()) -> Iterator[Demo]:
    """A demo in `folder`, ready; ended as by Ctrl-C, and its log shown if it failed to start."""
    log = folder.parent / "demo.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", *program, "--folder", str(folder), "--footage", str(FOOTAGE), *options]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        _wait_ready(process, folder / "ready.json", log)
        state = json.loads((folder / "demo.json").read_text())
        people = {person["roles"][0]: person for person in state["people"]}
        yield Demo(
            folder=folder,
            facts=json.loads((folder / "ready.json").read_text()),
            people=people,
            apps={role: AuthenticatorApp(base64.b32decode(person["totp_seed"])) for role, person in people.items()},
            site_pin=state["site_pin"],
            pid=process.pid,
        )
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"the demo did not end within {STOP_S:.0f} s of Ctrl-C") from None
        if code not in {0, 130, -signal.SIGINT}:
            print(f"the demo ended with {code}; its last words:\n" + "\n".join(log.read_text().splitlines()[-15:]))


def _wait_ready(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> None:
    ends = time.perf_counter() + READY_S
    while not ready.is_file():
        if process.poll() is not None or time.perf_counter() > ends:
            print(log.read_text(errors="replace"))
            raise AssertionError("the demo did not become ready; its output is above")
        time.sleep(0.2)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Debian's Chromium, headless, with `flags` of the run's own.

    Raises:
        MissingPartError: it is not installed.
    """
    path = shutil.which("chromium")
    if path is None:
        raise MissingPartError("the smoke run needs a browser: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *MEDIA_FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


def window(browser: Browser, *, width: int = 1400, height: int = 900) -> Page:
    """A window of a person's own: no cookies shared with the others."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(INIT)
    context.set_default_timeout(20_000)
    return context.new_page()


def newest_mail_link(demo: Demo, mail: str) -> str:
    """The one-time link in the newest mail to this address; waits for it."""
    for _ in range(100):
        link = newest_link(demo.folder / "gateway" / "spool", mail)
        if link:
            return link
        time.sleep(0.1)
    raise AssertionError(f"no mail with a link came for {mail}")
