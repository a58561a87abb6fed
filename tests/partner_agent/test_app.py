"""The whole agent on this machine: a real WebSocket, the loopback page, the commands, over a gateway that is a test."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from partner_agent import app, cli, control
from partner_agent.identity import Identity
from partner_agent.keystore import FileKeyStore
from partner_agent.settings import CameraSettings, Settings
from partner_agent.wire import classes, handshake
from partner_agent.wire import messages as m
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.frames import decode, encode
from partner_agent.wire.tokens import PublicKey
from tests.fakes.clock import FakeClock
from tests.support.lying_gateway import AGENT, GATEWAY, LyingGateway

pytestmark = pytest.mark.anyio
WAIT_S = 20


class SmallGateway:
    """Welcomes one agent over a real socket and remembers what it says."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.core = LyingGateway(FakeClock(clock.now()))
        self.device: PublicKey | None = None
        self.url = ""
        self.heard: list[m.Message] = []
        self.connection: ServerConnection | None = None
        self.changed = anyio.Event()

    async def talk(self, connection: ServerConnection) -> None:
        self.connection = connection
        await connection.send(encode(m.Challenge(id="c", nonce="n", aud=self.url, time="now")).decode())
        proof = decode(await connection.recv(decode=False))
        assert isinstance(proof, m.Proof)
        assert self.device is not None
        read = handshake.check_proof(proof.token, self.device, agent=AGENT, url=self.url, nonce="n")
        token = handshake.make_welcome(
            self.core.keys["link"].only(classes.WELCOME),
            read,
            gateway=GATEWAY,
            epoch=read.epoch + 1,
            link="lnk_1",
            now=SystemClock().now(),
        )
        await connection.send(encode(m.Welcome(id="w", re=proof.id, token=token)).decode())
        async for frame in connection:
            message = decode(frame)
            assert isinstance(message, m.Message)
            self.heard.append(message)
            self.changed.set()

    async def until(self, kind: type[m.Message]) -> m.Message:
        with anyio.fail_after(WAIT_S):
            while not (found := [message for message in self.heard if isinstance(message, kind)]):
                self.changed = anyio.Event()
                await self.changed.wait()
        return found[-1]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[SmallGateway, Settings, list[str]]]:
    """A paired agent that runs, its gateway, and what its terminal showed."""
    gateway, shown = SmallGateway(), []
    camera = CameraSettings(name="door", label="Front door", url="rtsp://127.0.0.1:1/nothing")
    settings = Settings(state_dir=tmp_path, page_port=0, allow_loopback=True, trust_clock=True, cameras=(camera,))
    keys = FileKeyStore(tmp_path, {})
    gateway.device = keys.create().public
    keys.adopt()
    async with serve(gateway.talk, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        gateway.url = f"ws://127.0.0.1:{port}/agent/v1"
        gateway.core.key_set = gateway.core.next_key_set(
            None, hosts=[f"127.0.0.1:{port}"], now=SystemClock().now(), relay_fingerprints=[]
        )
        store = app.open_store(settings)
        Identity.pin(store, msgspec.structs.replace(gateway.core.pairing(), link_url=gateway.url))
        store.close()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run, settings, shown)
            yield gateway, settings, shown
            tasks.cancel_scope.cancel()


async def _run(settings: Settings, shown: list[str]) -> None:
    await app.run(settings, show=shown.append)


async def test_the_agent_comes_up_with_link_page_and_commands(running, monkeypatch: pytest.MonkeyPatch):
    """Link, state, cameras without an address; the page on loopback; pause by the command; status by the socket."""
    gateway, settings, shown = running
    state, cameras = await gateway.until(m.SiteState), await gateway.until(m.Cameras)
    assert state.states == []
    assert [card.label for card in cameras.cameras] == ["Front door"]
    assert "rtsp" not in repr(cameras)

    url = next(text for text in shown if "http://" in text).split(": ", 1)[1]
    async with httpx.AsyncClient() as http:
        page = await http.get(url)
        rebound = await http.get(url, headers={"host": "evil.example"})
    assert (page.status_code, rebound.status_code) == (200, 421)
    assert "Front door" in page.text
    assert page.headers["x-frame-options"] == "DENY"

    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(settings.state_dir))
    assert await anyio.to_thread.run_sync(cli.main, ["pause"]) == 0
    with anyio.fail_after(WAIT_S):
        while gateway.heard[-1].states != ["paused"] if isinstance(gateway.heard[-1], m.SiteState) else True:
            gateway.changed = anyio.Event()
            await gateway.changed.wait()
    status = await control.call(settings.state_dir, do="status")
    assert (status["states"], status["is_linked"]) == (["paused"], True)
    assert not (await control.call(settings.state_dir, do="resume", pin="000000"))["ok"]


async def test_a_link_that_breaks_is_made_again(running):
    """A second welcome has the next epoch: the first was stored before it was acknowledged."""
    gateway, settings, _ = running
    await gateway.until(m.SiteState)
    gateway.heard.clear()
    assert gateway.connection is not None
    await gateway.connection.close()

    await gateway.until(m.SiteState)
    with contextlib.closing(app.open_store(settings)) as store:
        assert Identity(store).epoch == 2


def test_pause_works_while_no_agent_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """It is on disk, and holds when the agent starts; the record shows it."""
    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(tmp_path))

    assert cli.main(["pause"]) == 0
    assert cli.main(["journal"]) == 0
    assert "pause" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["run"], ["approve"], ["clear", "clock_skew"], ["doctor"], ["enrol"]], ids=str)
def test_a_command_that_cannot_work_says_what_to_do(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    """One sentence, exit status 1, no traceback."""
    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("getpass.getpass", lambda _: "000000")

    assert cli.main(command) == 1
    assert "lenspact-agent" in (text := "".join(capsys.readouterr())) or "gateway" in text


def test_a_changed_record_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Editing a line of the journal breaks the chain at that line."""
    import sqlite3

    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(tmp_path))
    for camera in ("cam_1", "cam_2", "cam_3"):
        cli.main(["pause", camera])
    with contextlib.closing(sqlite3.connect(tmp_path / "agent.db")) as db:
        db.execute("UPDATE journal SET body = replace(body, 'cam_2', 'cam_9')")
        db.commit()

    assert cli.main(["journal"]) == 1
    assert "Line 2" in capsys.readouterr().err
