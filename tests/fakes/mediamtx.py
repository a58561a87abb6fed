"""MediaMTX as its documents describe it (1.20): WHIP and WHEP, sessions to list and kick, one user by Basic.

Media are real: each call is a connection under a certificate of its own, and readers of a path get what its publisher
sends. What the documents leave open is as in its source: a kicked session leaves the list first and is closed after
the answer; a path without a publisher is 404; a new publisher, or none, closes the path's readers.
"""

import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx

from gateway.live.engines.mediamtx import MediaMtx
from gateway.live.relay.peers import close, connected
from partner_agent.rtc import certificate, rtp, sdp
from partner_agent.rtc.hooks import Leg
from partner_agent.rtc.mux import UdpPort
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.engines import Bench, gated

USER, PASSWORD = "lenspact", "a password of the test's own"
DOOR = re.compile(r"/([^/]+)/(whip|whep)")
SSRC = 77


@dataclass(eq=False)
class Session:
    """One call."""

    path: str
    is_publisher: bool
    leg: Leg
    payload_type: int
    id: str
    is_established: bool = False
    sequence: int = 0


class FakeMediaMtx:
    """An ASGI application, and the connections behind it."""

    def __init__(self, tasks: anyio.abc.TaskGroup, port: UdpPort) -> None:
        self._tasks, self._port, self._ids, self._clock = tasks, port, SystemIds(), SystemClock()
        self.sessions: dict[str, Session] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, answer, told = await self._answer(scope["method"], scope["path"], headers, body.decode())
        raw = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.encode()})

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: str
    ) -> tuple[int, str, dict[str, str]]:
        if headers.get("authorization") != httpx.BasicAuth(USER, PASSWORD)._auth_header:
            return 401, _error("authentication error"), {"www-authenticate": 'Basic realm="mediamtx"'}
        if (method, path) == ("GET", "/v3/webrtcsessions/list"):
            return 200, json.dumps({"itemCount": len(self.sessions), "pageCount": 1, "items": self._listed()}), {}
        if method == "POST" and path.startswith("/v3/webrtcsessions/kick/"):
            session = self.sessions.pop(path.rpartition("/")[2], None)
            if session is None:
                return 404, _error("session not found"), {}
            self._tasks.start_soon(self._close, session)
            return 200, json.dumps({"status": "ok"}), {}
        door = DOOR.fullmatch(path)
        if method == "POST" and door is not None:
            if headers.get("content-type") != "application/sdp":
                return 400, _error("invalid Content-Type"), {}
            return await self._call(door[1], body, is_publisher=door[2] == "whip")
        return 404, _error("not found"), {}

    async def _call(self, path: str, offer: str, *, is_publisher: bool) -> tuple[int, str, dict[str, str]]:
        publisher = self._publisher(path)
        if not is_publisher and (publisher is None or not publisher.is_established):
            return 404, _error(f"no stream is available on path '{path}'"), {}
        call, identity = sdp.parse(offer), certificate.generate(self._clock.now())
        session = Session(path, is_publisher, self._leg(identity, lambda: session), call.payload_type, self._uuid())
        if is_publisher and publisher is not None:
            self._leave(publisher)
        self.sessions[session.id] = session
        self._tasks.start_soon(self._open, session, call)
        leg, direction = session.leg, "recvonly" if is_publisher else "sendonly"
        answer = replace(
            call,
            user_fragment=leg.user_fragment,
            password=leg.password,
            fingerprint=identity.fingerprint,
            setup="passive",
            direction=direction,
            ssrc=0 if is_publisher else SSRC,
            rtx_payload_type=0,
            rtx_ssrc=0,
            candidates=leg.candidates,
        )
        door = "whip" if is_publisher else "whep"
        told = {"content-type": "application/sdp", "id": session.id, "location": f"/{path}/{door}/{self._uuid()}"}
        return 201, sdp.write(answer), told

    def _uuid(self) -> str:
        return str(uuid.UUID(bytes=self._ids.secret(16)))

    def _leg(self, identity: certificate.DtlsIdentity, session: Any) -> Leg:
        return Leg(
            port=self._port,
            identity=identity,
            ids=self._ids,
            is_controlling=False,
            on_rtp=lambda packets: self._forward(session(), packets),
            on_rtcp=lambda _: None,
            on_closed=lambda: self._leave(session()),
        )

    async def _open(self, session: Session, call: sdp.Call) -> None:
        if await connected(session.leg, call):
            session.is_established = True
        else:
            self._leave(session)

    def _forward(self, publisher: Session, packets: list[rtp.RtpPacket]) -> None:
        if publisher.id not in self.sessions:
            return
        for reader in self._readers(publisher.path):
            protector, datagrams = reader.leg.protector(SSRC), []
            for packet in packets:
                head = rtp.header(
                    is_last=packet.is_last,
                    payload_type=reader.payload_type,
                    sequence=reader.sequence & 0xFFFF,
                    timestamp=packet.timestamp,
                    ssrc=SSRC,
                )
                datagrams.append(protector.protect(head, packet.payload, reader.sequence))
                reader.sequence += 1
            reader.leg.send(datagrams)

    def _leave(self, session: Session) -> None:
        if self.sessions.pop(session.id, None) is not None:
            self._tasks.start_soon(self._close, session)

    async def _close(self, session: Session) -> None:
        if session.is_publisher:
            for reader in self._readers(session.path):
                self._leave(reader)
        await close(session.leg)

    def _readers(self, path: str) -> list[Session]:
        everybody = self.sessions.values()
        return [each for each in everybody if each.path == path and not each.is_publisher and each.is_established]

    def _publisher(self, path: str) -> Session | None:
        return next((each for each in self.sessions.values() if each.path == path and each.is_publisher), None)

    def _listed(self) -> list[dict[str, object]]:
        return [
            {
                "id": each.id,
                "path": each.path,
                "state": "publish" if each.is_publisher else "read",
                "peerConnectionEstablished": each.is_established,
            }
            for each in self.sessions.values()
        ]


def _error(text: str) -> str:
    return json.dumps({"status": "error", "error": text})


@asynccontextmanager
async def behind_fake_mediamtx(folder: Path) -> AsyncIterator[Bench]:
    """The gate before a MediaMTX that is none."""
    del folder
    port = await UdpPort.open("127.0.0.1")
    async with anyio.create_task_group() as tasks:
        transport = httpx.ASGITransport(app=FakeMediaMtx(tasks, port))
        async with httpx.AsyncClient(transport=transport, auth=(USER, PASSWORD)) as http:
            server = MediaMtx(http=http, media_url="http://mediamtx", api_url="http://mediamtx-api")
            async with gated(server, "127.0.0.1", "") as bench:
                yield bench
        tasks.cancel_scope.cancel()
    port.close()
