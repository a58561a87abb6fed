"""The peer: Debian's Janus with its streaming plugin, one event loop, and viewers it calls by its HTTP interface.

`general.event_loops=1` is its best setting for this load: without it each viewer has a thread of its own, which takes
two to three times the processor time.
"""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from partner_agent.wire.ids import SystemIds
from tests.bench.live.namespace import INTERFACE

RTP_PORT, HTTP_PORT = 5004, 8188
MOUNTPOINT = 1
START_S = 10.0
_URL = f"http://127.0.0.1:{HTTP_PORT}/janus"
_UNUSED = ("audiobridge", "duktape", "lua", "sip", "nosip", "voicemail", "textroom", "recordplay", "videocall")
_UNUSED_TRANSPORTS = ("mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets")


class JanusMissingError(RuntimeError):
    """Janus is not installed: `apt-get install janus`."""


class Janus:
    """A running Janus and the sessions of its viewers."""

    def __init__(self, *, pid: int, http: httpx.AsyncClient) -> None:
        self.pid = pid
        self._http, self._ids = http, SystemIds()
        self._handles: dict[str, str] = {}

    async def call(self, name: str) -> str:
        """Let Janus call a viewer: its offer."""
        session = f"{_URL}/{(await self._post(_URL, janus='create'))['data']['id']}"
        attached = await self._post(session, janus="attach", plugin="janus.plugin.streaming")
        handle = self._handles[name] = f"{session}/{attached['data']['id']}"
        await self._post(handle, janus="message", body={"request": "watch", "id": MOUNTPOINT})
        with anyio.fail_after(START_S):
            while True:
                event = (await self._http.get(f"{session}?maxev=1")).json()
                if "jsep" in event:
                    return str(event["jsep"]["sdp"])

    async def answered(self, name: str, answer: str) -> None:
        """Give it the viewer's answer."""
        handle = self._handles[name]
        jsep = {"type": "answer", "sdp": answer}
        await self._post(handle, janus="message", body={"request": "start"}, jsep=jsep)
        await self._post(handle, janus="trickle", candidate={"completed": True})

    async def _post(self, url: str, **body: object) -> dict[str, Any]:
        response = await self._http.post(url, json={"transaction": self._ids.secret(8).hex(), **body})
        answer = dict(response.json())
        if answer.get("janus") == "error":
            raise RuntimeError(f"Janus says no: {answer['error']}")
        return answer


@asynccontextmanager
async def janus(
    folder: Path, *, host: str, mountpoints: int = 1, cameras: int = 1, keeps_key_picture: bool = False
) -> AsyncIterator[Janus]:
    """A Janus while inside the block, with so many cameras a mountpoint, at every second port from `RTP_PORT` on.

    Where it keeps the newest key picture of each, a viewer that joins between two of them need not wait.

    Raises:
        JanusMissingError: it is not installed.
    """
    media = [_camera(number, keeps_key_picture=keeps_key_picture) for number in range(mountpoints * cameras)]
    shown = "\n".join(_mountpoint(number, media[number * cameras :][:cameras]) for number in range(mountpoints))
    command = _configured(folder, host, shown)
    with (folder / "janus.log").open("wb") as log:
        async with await anyio.open_process(command, stdout=log, stderr=subprocess.STDOUT) as process:
            limits = httpx.Limits(max_connections=64)
            try:
                async with httpx.AsyncClient(limits=limits, timeout=40, trust_env=False) as http:
                    await _listening(http, folder / "janus.log")
                    yield Janus(pid=process.pid, http=http)
            finally:
                process.kill()


async def _listening(http: httpx.AsyncClient, log: Path) -> None:
    with anyio.move_on_after(START_S):
        while True:
            try:
                await http.get(f"{_URL}/info")
            except httpx.TransportError:
                await anyio.sleep(0.05)
            else:
                return
    said = await anyio.Path(log).read_text()
    raise RuntimeError(f"Janus does not listen: {said[-2000:]}")


def _configured(folder: Path, host: str, mountpoints: str) -> list[str]:
    """Write its files, which hold nothing that is not said here; its command line."""
    program, plugins = shutil.which("janus"), next(Path("/usr/lib").glob("*/janus/plugins"), None)
    if program is None or plugins is None:
        raise JanusMissingError("Janus is not installed: apt-get install janus")
    modules = plugins.parent
    disabled = ",".join(f"libjanus_{name}.so" for name in _UNUSED)
    transports = ",".join(f"libjanus_{name}.so" for name in _UNUSED_TRANSPORTS)
    files = {
        "janus": f"""
general: {{ configs_folder = "{folder}", plugins_folder = "{plugins}", transports_folder = "{modules}/transports",
  events_folder = "{folder}/none", loggers_folder = "{folder}/none", debug_level = 3, log_to_stdout = true,
  interface = "{host}", event_loops = 1, session_timeout = 0 }}
media: {{ rtp_port_range = "40000-45000" }}
nat: {{ ice_lite = false, ice_enforce_list = "{INTERFACE}", ignore_mdns = true }}
plugins: {{ disable = "{disabled}" }}
transports: {{ disable = "{transports}" }}
""",
        "janus.plugin.streaming": f"""
general: {{ }}
{mountpoints}
""",
        "janus.plugin.videoroom": "general: { }\n",
        "janus.transport.http": f"""
general: {{ json = "compact", base_path = "/janus", http = true, port = {HTTP_PORT}, ip = "127.0.0.1", https = false }}
admin: {{ admin_http = false }}
""",
    }
    for name, text in files.items():
        (folder / f"{name}.jcfg").write_text(text)
    return [program, "-F", str(folder), "-C", str(folder / "janus.jcfg")]


def _mountpoint(number: int, cameras: list[str]) -> str:
    media = ",\n".join(cameras)
    return f"""mountpoint{number}: {{ type = "rtp", id = {MOUNTPOINT + number}, description = "cameras", media = (
{media}) }}"""


def _camera(number: int, *, keeps_key_picture: bool) -> str:
    buffered = str(keeps_key_picture).lower()
    return f"""  {{ type = "video", mid = "{number}", port = {RTP_PORT + 2 * number}, pt = 96, codec = "h264",
    bufferkf = {buffered}, fmtp = "profile-level-id=42e01f;packetization-mode=1" }}"""
