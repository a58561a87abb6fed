"""An RTSP 1.0 camera server: digest authentication, several clients, RTP interleaved on the one connection.

What cameras do and clients rely on (RFC 2326): OPTIONS without a password, DESCRIBE to TEARDOWN with one, 401 for a
wrong one, 461 for UDP, a fresh RTP source per client that begins with a key picture, sender reports from the first.
"""

import base64
import re
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskGroup

from partner_agent.rtc import nal
from partner_agent.simulator import digest
from partner_agent.simulator.camera import SENDER_REPORT_PERIOD_S, Camera, Stream
from partner_agent.simulator.rtp import PAYLOAD_TYPE, Packetizer
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

REQUEST_BYTES: Final = 8 * 1024
SEND_TIMEOUT_S: Final = 10.0  # a client that takes nothing this long is closed
SESSION_TIMEOUT_S: Final = 60
SOUND_TYPE: Final = 0  # PCMU
SOUND_HZ: Final = 8_000
SOUND_PACKET_S: Final = 0.02
SOUND_TRACK: Final = "track1"
_HEADER: Final = re.compile(r"^([\w-]+):\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Request:
    """One RTSP request."""

    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def path(self) -> tuple[str, str]:
        """Camera and stream named by the URL; empty strings for what is missing."""
        path = re.sub(r"^rtsps?://[^/]*", "", self.url).split("?")[0].strip("/")
        camera, _, rest = path.partition("/")
        return camera, rest.partition("/")[0]


@asynccontextmanager
async def serve(cameras: list[Camera], *, host: str, port: int, clock: Clock, ids: IdSource) -> AsyncIterator[int]:
    """Serve `cameras` while inside the block; yields the port, which is free and chosen if `port` was 0."""
    by_name = {camera.name: camera for camera in cameras}
    listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    bound: int = listener.extra(SocketAttribute.local_port)  # noqa: S610  (anyio, not Django)

    async def answer(stream: SocketStream) -> None:
        async with stream:
            try:
                async with anyio.create_task_group() as group:
                    await _Connection(stream, by_name, clock, ids, group).run()
                    group.cancel_scope.cancel()
            except* (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, TimeoutError):
                pass  # the client went away: what clients do

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, answer)
        try:
            yield bound
        finally:
            group.cancel_scope.cancel()


@dataclass(slots=True)
class _Connection:
    """One client."""

    socket: SocketStream
    cameras: Mapping[str, Camera]
    clock: Clock
    ids: IdSource
    group: TaskGroup
    nonce: str = ""
    session: str = ""
    play: anyio.CancelScope | None = None
    tracks: dict[str, int] = field(default_factory=dict)  # what was set up, and on which channel
    buffer: bytearray = field(default_factory=bytearray)
    writing: anyio.Lock = field(default_factory=anyio.Lock)

    async def run(self) -> None:
        self.nonce = self.ids.secret(16).hex()
        self.session = self.ids.secret(8).hex()
        while (request := await self._next_request()) is not None:
            if not await self._handle(request):
                return

    async def _next_request(self) -> Request | None:
        """The next request; RTCP that clients send between requests is skipped (RFC 2326 §10.12)."""
        while True:
            if self.buffer[:1] == b"$":
                if len(self.buffer) >= 4 and len(self.buffer) >= (end := 4 + int.from_bytes(self.buffer[2:4], "big")):
                    del self.buffer[:end]
                    continue
            elif (end := self.buffer.find(b"\r\n\r\n")) >= 0:
                text = self.buffer[:end].decode("latin-1").replace("\r\n", "\n")
                del self.buffer[: end + 4]
                line, _, rest = text.partition("\n")
                method, _, target = line.partition(" ")
                headers = {name.lower(): value for name, value in _HEADER.findall(rest)}
                return Request(method, target.rsplit(" ", 1)[0], headers)
            elif len(self.buffer) > REQUEST_BYTES:
                return None
            try:
                self.buffer += await self.socket.receive()
            except anyio.EndOfStream:
                return None

    async def _handle(self, request: Request) -> bool:
        """Answer one request; False ends the connection."""
        camera_name, stream_name = request.path
        camera = self.cameras.get(camera_name)
        if camera is not None and camera.is_down:
            return False
        if request.method == "OPTIONS":
            public = {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"}
            await self._reply(request, "200 OK", public)
            return True
        stream = camera.streams.get(stream_name) if camera else None
        if camera is None or stream is None:
            await self._reply(request, "404 Not Found")
            return True
        if not self._is_authorized(request, camera):
            challenges = digest.challenges(camera.algorithms, self.nonce)
            await self._reply(request, "401 Unauthorized", [("WWW-Authenticate", value) for value in challenges])
            return True
        return await self._serve(request, camera, stream)

    def _is_authorized(self, request: Request, camera: Camera) -> bool:
        if not camera.algorithms:
            return True
        header = request.headers.get("authorization", "")
        is_right = digest.is_authorized(
            header,
            method=request.method,
            user=camera.user,
            password=camera.password,
            nonce=self.nonce,
            algorithms=camera.algorithms,
        )
        camera.refused_passwords += bool(header) and not is_right
        return is_right

    async def _serve(self, request: Request, camera: Camera, stream: Stream) -> bool:
        match request.method:
            case "DESCRIBE":
                headers = {"Content-Type": "application/sdp", "Content-Base": request.url.rstrip("/") + "/"}
                await self._reply(request, "200 OK", headers, _describe(stream, has_sound=bool(camera.sound)))
            case "SETUP" if "interleaved" not in request.headers.get("transport", ""):
                await self._reply(request, "461 Unsupported Transport")
            case "SETUP":
                track = "sound" if request.url.rstrip("/").endswith(SOUND_TRACK) else "pictures"
                channel = self.tracks.setdefault(track, 2 * len(self.tracks))
                transport = {
                    "Transport": f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}",
                    "Session": f"{self.session};timeout=60",
                }
                await self._reply(request, "200 OK", transport)
            case "PLAY":
                await self._reply(request, "200 OK", {"Session": self.session, "Range": "npt=0.000-"})
                if self.play is None:
                    self.play = anyio.CancelScope()
                    self.group.start_soon(self._play, camera, stream)
            case "TEARDOWN":
                await self._reply(request, "200 OK", {"Session": self.session})
                return False
            case "GET_PARAMETER":
                await self._reply(request, "200 OK", {"Session": self.session})
            case _:
                await self._reply(request, "501 Not Implemented")
        return True

    async def _reply(
        self,
        request: Request,
        status: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: str = "",
    ) -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers.get('cseq', '0')}"]
        pairs = headers if isinstance(headers, list) else list((headers or {}).items())
        lines += [f"{name}: {value}" for name, value in pairs]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        await self._send(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    async def _send(self, data: bytes) -> None:
        with anyio.fail_after(SEND_TIMEOUT_S):
            async with self.writing:
                await self.socket.send(data)

    async def _play(self, camera: Camera, stream: Stream) -> None:
        """Send pictures at their time until the camera hangs up, then close the connection."""
        camera.plays += 1
        hung_up = camera.hung_up
        with anyio.CancelScope() as scope:

            async def watch() -> None:
                await hung_up.wait()
                scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                if camera.sound and "sound" in self.tracks:
                    group.start_soon(self._send_sound, camera, self.tracks["sound"])
                if "pictures" in self.tracks:
                    group.start_soon(self._send_pictures, camera, stream, self.tracks["pictures"])
        await self.socket.aclose()
        self.group.cancel_scope.cancel()

    async def _send_sound(self, camera: Camera, channel: int) -> None:
        """Packets of 20 ms, with the first a sender report on the clock of the pictures."""
        packetizer = Packetizer(
            ssrc=int.from_bytes(self.ids.secret(4), "big"),
            first_sequence=int.from_bytes(self.ids.secret(2), "big"),
            timestamp_base=int.from_bytes(self.ids.secret(4), "big"),
            payload_type=SOUND_TYPE,
            clock_hz=SOUND_HZ,
        )
        camera.sounding += 1
        began_s, number, next_report_s = self.clock.monotonic(), 0, 0.0
        try:
            while True:
                due_s = number * SOUND_PACKET_S
                await self.clock.sleep(max(0.0, began_s + due_s - self.clock.monotonic()))
                out = bytearray()
                if camera.sends_reports and due_s >= next_report_s:
                    next_report_s = due_s + SENDER_REPORT_PERIOD_S
                    wall_s = self.clock.now().timestamp() + camera.clock_offset_s
                    out += _interleaved(channel + 1, packetizer.sender_report(wall_s, due_s))
                payload = camera.sound[number % len(camera.sound)]
                out += _interleaved(channel, packetizer.packet(payload, due_s))
                number += 1
                if not camera.is_frozen:
                    await self._send(bytes(out))
        finally:
            camera.sounding -= 1

    def _packetizer(self, timestamp_base: int | None) -> Packetizer:
        anywhere = int.from_bytes(self.ids.secret(4), "big")
        return Packetizer(
            ssrc=int.from_bytes(self.ids.secret(4), "big"),
            first_sequence=int.from_bytes(self.ids.secret(2), "big"),
            timestamp_base=anywhere if timestamp_base is None else timestamp_base,
        )

    async def _send_pictures(self, camera: Camera, stream: Stream, channel: int) -> None:
        packetizer, restarts = self._packetizer(camera.timestamp_base), camera.rtp_restarts
        began_s = self.clock.monotonic()
        first = stream.key_at(began_s + camera.start_offset_s)
        next_report_s = 0.0
        number = 0
        while True:
            due_s = number / stream.fps
            await self.clock.sleep(max(0.0, began_s + due_s - self.clock.monotonic()))
            turn, place = divmod(first + number, len(stream.pictures))
            picture = stream.pictures[place]
            shown_s = (turn * len(stream.pictures) + picture.presented - first) / stream.fps
            number += 1
            if camera.is_frozen:
                continue
            if restarts != camera.rtp_restarts:
                packetizer, restarts = self._packetizer(None), camera.rtp_restarts
            out = bytearray()
            if camera.sends_reports and due_s >= next_report_s:
                next_report_s = due_s + SENDER_REPORT_PERIOD_S
                wall_s = self.clock.now().timestamp() + camera.clock_offset_s
                out += _interleaved(channel + 1, packetizer.sender_report(wall_s, due_s + camera.media_offset_s))
            for packet in packetizer.packets(_sent(picture.nals, camera), shown_s + camera.media_offset_s):
                out += _interleaved(channel, packet)
            await self._send(bytes(out))


def _sent(nals: tuple[bytes, ...], camera: Camera) -> list[bytes]:
    if camera.has_parameter_sets_in_band:
        return list(nals)
    return [unit for unit in nals if nal.nal_type(unit) in nal.SLICES]


def _interleaved(channel: int, packet: bytes) -> bytes:
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


def _describe(stream: Stream, *, has_sound: bool) -> str:
    """The session description (RFC 4566, RFC 6184 §8.1, RFC 3551 §6)."""
    sps, pps = stream.parameter_sets()
    sprop = ",".join(base64.b64encode(unit).decode() for unit in (sps, pps))
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=Lenspact simulated camera",
        "t=0 0",
        "a=control:*",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={sps[1:4].hex()};sprop-parameter-sets={sprop}",
        f"a=framerate:{stream.fps}",
        "a=control:track0",
    ]
    if has_sound:
        lines += [f"m=audio 0 RTP/AVP {SOUND_TYPE}", f"a=control:{SOUND_TRACK}"]
    return "\r\n".join(lines) + "\r\n"
