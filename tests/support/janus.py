"""Debian's Janus, set up by the files that are deployed, on an address of this machine."""

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from gateway.live.engines.janus import Janus
from partner_agent.wire.ids import SystemIds
from tests.support import outside
from tests.support.processes import free_port

DEPLOYED = Path(__file__).parents[2] / "deploy" / "janus"
SECRET = "a secret of the test's own"
START_S = 10.0


def need() -> None:
    """Skip the test where Janus cannot run."""
    outside.need("janus", package="janus")
    if not address():
        outside.missing("An address beside the loopback interface's, of which Janus gathers nothing,", packages="janus")


def address() -> str:
    """An address of this machine that is not of the loopback interface; empty where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return ""
        found = str(probe.getsockname()[0])
    return "" if found.startswith("127.") else found


@dataclass(frozen=True)
class Ports:
    """Where a Janus listens."""

    api: int
    admin: int

    @property
    def url(self) -> str:
        """Of its API."""
        return f"ws://127.0.0.1:{self.api}"

    @property
    def admin_url(self) -> str:
        """Of its admin API."""
        return f"ws://127.0.0.1:{self.admin}"


def _free_ports() -> Ports:
    """Two that differ: the second is looked for while the first is taken."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return Ports(int(found.getsockname()[1]), free_port())


def server(ports: Ports, kind: type[Janus] = Janus) -> Janus:
    """The adapter of a Janus that runs there."""
    return kind(url=ports.url, admin_url=ports.admin_url, secret=SECRET, ids=SystemIds())


@asynccontextmanager
async def running_janus(
    folder: Path, *, certificate: Path, ports: Ports | None = None, **changes: str
) -> AsyncIterator[Ports]:
    """A Janus while inside the block. `changes` replace lines of its settings; empty ones take them out."""
    ports = ports or _free_ports()
    _configure(folder, ports, certificate, changes)
    command = [shutil.which("janus") or "", "-F", str(folder), "-C", str(folder / "janus.jcfg")]
    with (folder / "janus.log").open("wb") as log:
        async with await anyio.open_process(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT) as process:
            try:
                for port in (ports.api, ports.admin):
                    await _listening(port, folder / "janus.log")
                yield ports
            finally:
                process.kill()


def _configure(folder: Path, ports: Ports, certificate: Path, changes: dict[str, str]) -> None:
    values = {
        "@MODULES@": str(_modules()),
        "@ADDRESS@": address(),
        "@SECRET@": SECRET,
        "@CERTIFICATE@": str(certificate),
        "@PORT@": str(ports.api),
        "@ADMIN_PORT@": str(ports.admin),
        "/etc/janus": str(folder),
    }
    for file in DEPLOYED.glob("*.jcfg"):
        lines = file.read_text().splitlines()
        for name, value in changes.items():
            told = f"{name} = {value}" if value else ""
            lines = [told if line.strip().startswith(f"{name} =") else line for line in lines]
        text = "\n".join(lines) + "\n"
        for name, value in values.items():
            text = text.replace(name, value)
        (folder / file.name).write_text(text)


def _modules() -> Path | None:
    return next(iter(Path("/usr/lib").glob("*/janus")), None)


async def _listening(port: int, log: Path) -> None:
    with anyio.move_on_after(START_S):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return
            except OSError:
                await anyio.sleep(0.05)
    said = await anyio.Path(log).read_text()
    raise RuntimeError(f"Janus does not listen: {said[-2000:]}")
