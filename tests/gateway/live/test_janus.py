"""A real Janus behind the gate: it is refused where it would outlive us, and forwards nothing without us."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.live.engines.janus import Janus
from gateway.live.engines.janus_socket import JanusSocket
from gateway.live.engines.ports import ServerRefusedError
from gateway.live.relay.client import RelayGoneError
from partner_agent.rtc import certificate, sdp
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.limits import LEASE_VALID_S
from tests.support import janus
from tests.support.engines import Bench, gated
from tests.support.legs import TWO
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _janus_is_here() -> None:
    janus.need()


class Deaf:
    """Hears no news."""

    def up(self, leg_id: str) -> None: ...

    def lost(self, leg_id: str) -> None: ...


async def left_of(ports: janus.Ports, server: Janus) -> tuple[int, list[int]]:
    """How many handles there are beside the adapter's own, by the admin API, and which rooms and mountpoints."""
    admin = JanusSocket(url=ports.admin_url, secret=janus.SECRET, ids=SystemIds(), is_admin=True)
    found: list[int] = []
    handles = 0

    async def look() -> None:
        nonlocal handles
        listed = await admin.ask("list_handles", session_id=server._session)
        handles = len(set(listed["handles"]) - {server._control})
        for plugin, word in (("streaming", "id"), ("videoroom", "room")):
            said = await admin.ask(
                "message_plugin",
                plugin=f"janus.plugin.{plugin}",
                request={"request": "list", "admin_key": janus.SECRET},
            )
            found.extend(int(one[word]) for one in said["response"]["list"])
        done.set()

    done = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(admin.run, look, lambda _: None)
        with anyio.fail_after(5):
            await done.wait()
        tasks.cancel_scope.cancel()
    return handles, sorted(found)


class Leaving:
    """A connection in the middle of whose n-th request the caller hangs up."""

    def __init__(self, real: JanusSocket, scope: anyio.CancelScope, step: int) -> None:
        self.real, self._scope, self._step = real, scope, step

    async def ask(self, request: str, /, **fields: Any) -> dict[str, Any]:
        self._step -= 1
        if self._step == 0:
            self._scope.cancel()
        return await self.real.ask(request, **fields)


class Mute(Janus):
    """A gateway that hangs: its connection stands, and nothing is said on it any more."""

    is_mute = False

    async def keep(self) -> None:
        if not self.is_mute:
            await super().keep()

    async def end(self, leg_id: str) -> None:
        while self.is_mute:  # noqa: ASYNC110 -- the test says when, by a flag
            await anyio.sleep(0.1)
        await super().end(leg_id)


def identity(folder: Path) -> tuple[Path, str]:
    """Where the certificate is, and what grants name."""
    path = folder / "relay-1.pem"
    return path, certificate.load_or_generate(path, SystemClock().now()).fingerprint


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("session_timeout", "60", "session_timeout"),
        ("session_timeout", "0", "session_timeout"),
        ("reclaim_session_timeout", "10", "reclaim_session_timeout"),
        ("ice_lite", "false", "ice_lite"),
        ("ice_keepalive_conncheck", "false", "ice_keepalive_conncheck"),
        ("admin_secret", "", "admin_secret"),
    ],
)
async def test_a_janus_that_is_set_up_otherwise_is_refused(tmp_path: Path, setting: str, value: str, said: str):
    """What would outlive the gateway, or could not meet a browser, is not used, and the log says why."""
    path, _ = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path, **{setting: value}) as ports:
        with pytest.raises(RelayGoneError, match=said), anyio.fail_after(5):
            await janus.server(ports).run(Deaf())


async def test_a_wrong_secret_opens_nothing(tmp_path: Path):
    """The gateway hears it as a server that is gone."""
    path, _ = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path) as ports:
        with pytest.raises(RelayGoneError), anyio.fail_after(5):
            await Janus(url=ports.url, admin_url=ports.admin_url, secret="a guess", ids=SystemIds()).run(Deaf())


async def watching(bench: Bench) -> tuple[object, object]:
    """A camera, and a viewer who sees it."""
    camera, _ = await bench.publish()
    await bench.admit()
    viewer, _ = await bench.view()
    await until(lambda: bench.seen(viewer), timeout_s=5)
    return camera, viewer


async def test_janus_ends_everything_when_the_gateway_hangs(tmp_path: Path):
    """It hears nothing for its session timeout, and closes viewers and publishers by itself."""
    path, fingerprint = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path) as ports:
        server = janus.server(ports, Mute)
        async with gated(server, janus.address(), fingerprint) as bench:
            await watching(bench)
            server.is_mute = True

            try:  # Janus looks every two seconds
                await until(lambda: sum(end.closed for end in bench.ends) == 2, timeout_s=2 * LEASE_VALID_S)
            finally:
                server.is_mute = False
            await until(lambda: bench.gone == 1)


@pytest.mark.parametrize("connection", ["_socket", "_admin"])
async def test_janus_ends_everything_when_one_of_our_connections_goes(tmp_path: Path, connection: str):
    """Each goes with the gateway's process, and every call with it; the admin API's may go alone: both, or neither."""
    path, fingerprint = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path) as ports:
        server = janus.server(ports)
        async with gated(server, janus.address(), fingerprint) as bench:
            await watching(bench)
            socket = getattr(server, connection)._socket
            assert socket is not None

            socket.transport.abort()

            await until(lambda: sum(end.closed for end in bench.ends) == 2, timeout_s=5)
            await until(lambda: bench.gone == 1 and bench.reasons() == {"ses_1": "failed"})


async def test_janus_dies_and_comes_back(tmp_path: Path):
    """The gateway is told, and the next Janus takes calls."""
    path, fingerprint = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path) as ports:
        bench_of = gated(janus.server(ports), janus.address(), fingerprint)
        bench = await bench_of.__aenter__()
        await watching(bench)
    await until(lambda: bench.gone >= 1 and bench.reasons() == {"ses_1": "failed"}, timeout_s=5)
    assert not bench.engine.is_ready
    async with janus.running_janus(tmp_path, certificate=path, ports=ports):
        await until(lambda: bench.engine.is_ready, timeout_s=15)
        _, answer = await bench.publish("pub_2")
        assert answer.status == 201
    await bench_of.__aexit__(None, None, None)


async def test_a_call_that_fails_on_the_way_leaves_nothing_in_janus(tmp_path: Path):
    """A publisher whose offer Janus refuses, a viewer it does not let watch, and one who hangs up at any step."""
    path, fingerprint = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path) as ports:
        server = janus.server(ports)
        async with gated(server, janus.address(), fingerprint) as bench:
            offers = [bench.offer(await bench.end(TWO), direction) for direction in ("sendonly", "recvonly")]
            for wrong, kind in (("v=0", sdp.SdpError), (offers[0].replace("o=- 0 1 ", "o=- "), ServerRefusedError)):
                with pytest.raises(kind):
                    await server.publish("pub_9", wrong)
            assert await left_of(ports, server) == (0, [])

            await bench.publish()
            (uplink,) = server._uplinks
            payload_type = sdp.parse(offers[1]).payload_type
            server._uplinks[uplink].mountpoints[payload_type] = 7
            with pytest.raises(ServerRefusedError):  # Janus has none of this number
                await server.view(uplink, offers[1])
            del server._uplinks[uplink].mountpoints[payload_type]
            assert (await left_of(ports, server))[0] == 1
            for step in range(1, 8):
                with anyio.CancelScope() as scope:
                    server._socket = Leaving(server._socket, scope, step)  # type: ignore[assignment]
                    leg = await server.view(uplink, offers[1])
                    await server.end(leg.id)
                server._socket = server._socket.real  # type: ignore[attr-defined]
                kept = len(server._uplinks[uplink].mountpoints)
                handles, found = await left_of(ports, server)
                assert (handles, len(found)) == (1, 1 + kept), step

            await server.end(uplink)
            assert await left_of(ports, server) == (0, [])


async def test_what_a_gateway_left_is_cleared_away_by_the_next(tmp_path: Path):
    """Rooms and mountpoints outlive the connection, and hold ports."""
    path, fingerprint = identity(tmp_path)
    async with janus.running_janus(tmp_path, certificate=path) as ports:
        server = janus.server(ports)
        async with gated(server, janus.address(), fingerprint) as bench:
            await watching(bench)
            _, left = await left_of(ports, server)
            assert len(left) == 2
            socket = server._socket._socket
            assert socket is not None

            socket.transport.abort()

            await until(lambda: bench.gone == 1, timeout_s=5)
            await until(lambda: server.is_ready, timeout_s=10)
            assert await left_of(ports, server) == (0, [])
