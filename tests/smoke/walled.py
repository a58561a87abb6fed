"""`python -m tests.smoke.walled`: the same demo with a coturn beside it, and a window whose network lets only TLS out.

Such a network is a script here: pages may use nothing but TURN over TLS. The network itself is walled in, with coturn
on an internet of its own, in tests/gateway/live/test_nat.py.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
import msgspec
from playwright.sync_api import Browser, Page

from gateway.app import demo
from gateway.app.demo_state import DemoState
from gateway.app.settings import Settings
from tests.smoke.stage import MissingPartError, window
from tests.support.turn import SECRET, Turn, turn_server

WALLED: Final = ("tests.smoke.walled",)
_ONLY_TLS: Final = """
{ const Peer = window.RTCPeerConnection;
  const isTls = ({ urls }) => urls.startsWith("turns:");
  const walled = ({ iceServers = [], ...given }) =>
    ({ ...given, iceServers: iceServers.filter(isTls), iceTransportPolicy: "relay" });
  window.__peers = [];
  window.RTCPeerConnection = class extends Peer {
    constructor(given) {
      super(walled(given));
    }
    setConfiguration(given) {
      super.setConfiguration(walled(given));
    }
    setLocalDescription(...given) {
      window.__peers.push(this); // one that is used
      return super.setLocalDescription(...given);
    }
  };
}
"""
_WAYS: Final = """async () => Promise.all(window.__peers.map(async (peer) => {
  const stats = await peer.getStats();
  const pair = stats.get([...stats.values()].find((s) => s.type === "transport")?.selectedCandidatePairId);
  const near = stats.get(pair?.localCandidateId);
  return `${near?.candidateType} ${near?.relayProtocol}`;
}))"""


@contextmanager
def turn_beside(folder: Path) -> Iterator[Turn | None]:
    """A coturn for the run, and what tells the demo of it; None where it is not installed, which in CI is a failure.

    Raises:
        MissingPartError: it is CI, and coturn is not installed.
    """
    if shutil.which("turnserver") is None:
        if os.environ.get("CI"):
            raise MissingPartError("the smoke run needs a TURN server: sudo apt-get install coturn")
        yield None
        return
    with turn_server(folder) as turn:
        (folder / "turn.secret").write_bytes(SECRET)
        yield turn


def options_for(turn: Turn, folder: Path) -> tuple[str, ...]:
    """What this program is told."""
    return ("--ice-servers", turn.udp, turn.tls, "--turn-secret-file", str(folder / "turn.secret"))


def trusting(turn: Turn | None) -> tuple[str, ...]:
    """The flag that lets Chromium trust its certificate, and no other of these."""
    return () if turn is None else (f"--ignore-certificate-errors-spki-list={turn.certificate.spki}",)


def walled_window(browser: Browser) -> Page:
    """A window of somebody whose network lets nothing out but TLS."""
    page = window(browser)
    page.context.add_init_script(_ONLY_TLS)
    return page


def ways(page: Page) -> set[str]:
    """By which ways its pictures come."""
    return set(page.evaluate(_WAYS))


def main() -> int:
    """Run the demo with these servers until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--footage", type=Path, required=True)
    parser.add_argument("--ice-servers", nargs="+", required=True)
    parser.add_argument("--turn-secret-file", type=Path, required=True)
    options = parser.parse_args()
    usual = demo.demo_settings

    def walled(state: DemoState) -> Settings:
        servers = tuple(options.ice_servers)
        return msgspec.structs.replace(usual(state), ice_servers=servers, turn_secret_file=options.turn_secret_file)

    demo.demo_settings = walled
    anyio.run(demo.run, options.folder, options.footage, print, backend_options={"use_uvloop": True})
    return 0


if __name__ == "__main__":
    sys.exit(main())
