"""The relay's end of the Unix socket: one gateway at a time, each request answered by its number.

Orders are carried out in the order they come; a call (SDP) runs beside them, so that a drop never waits for one. The
connection's end is not the end of the streams: the lease decides, so a restarting gateway has `LEASE_VALID_S`.
"""

import errno
import logging
from pathlib import Path
from typing import Final

import anyio
import anyio.abc

from gateway.live.relay import protocol
from gateway.live.relay.engine import RelayEngine
from gateway.live.relay.offers import CallRefusedError
from gateway.live.relay.silence import SWEEP_S
from partner_agent.wire import local_sockets

_LOG: Final = logging.getLogger(__name__)
EVENTS: Final = 1_000  # waiting for a slow gateway; more are lost, and the site's own count stands
WRITE_S: Final = 5.0
AGAIN_S: Final = 0.5  # until it is tried again to take a connection for which there was no descriptor
_FULL: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})  # accept(2): not the caller's fault
TOO_MANY: Final = "no descriptor is free for the gateway's connection; it waits, and the views go on"

_Asked = protocol.Whip | protocol.Whep | protocol.FirstPicture  # what is not answered at once


class Outbox:
    """Events on their way to the gateway; bounded. Without a gateway they are lost, and the lease ends what ran."""

    def __init__(self) -> None:
        self._send, self.receive = anyio.create_memory_object_stream[protocol.Message](EVENTS)

    def put(self, message: protocol.Message) -> None:
        """Queue a message; beyond `EVENTS` it is lost."""
        try:
            self._send.send_nowait(message)
        except anyio.WouldBlock:
            _LOG.warning("the gateway does not read; a message is lost")


async def _accepted(listener: anyio.abc.SocketListener) -> anyio.abc.SocketStream:
    """The next gateway; while no descriptor is free for it, it waits where it called, and what is shown goes on."""
    has_told = False
    while True:
        try:
            return await local_sockets.on_a_transport(await listener.accept())
        except anyio.BrokenResourceError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in _FULL:
                raise
        if not has_told:
            _LOG.warning(TOO_MANY)
        has_told = True
        await anyio.sleep(AGAIN_S)


class RelayServer:
    """Serves one engine on one socket file."""

    def __init__(self, *, engine: RelayEngine, hello: protocol.Hello, outbox: Outbox) -> None:
        self._engine, self._hello, self._outbox = engine, hello, outbox

    async def serve(self, path: Path) -> None:
        """Accept the gateway on `path`, which only our user may open; runs until cancelled."""
        listener = await anyio.create_unix_listener(path, mode=0o600)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(self._sweep)
            while True:
                await self._serve_one(await _accepted(listener))

    async def _serve_one(self, stream: anyio.abc.SocketStream) -> None:
        try:
            async with stream, anyio.create_task_group() as tasks:
                await stream.send(protocol.frame(self._hello))
                tasks.start_soon(self._write, stream)
                await self._read(protocol.Frames(stream, most_bytes=protocol.ORDER_BYTES), tasks)
                tasks.cancel_scope.cancel()
        except* (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            pass  # the gateway is gone; the next one is awaited
        except* protocol.ProtocolError:
            _LOG.exception("the gateway said what it must not")

    async def _write(self, stream: anyio.abc.SocketStream) -> None:
        while True:
            message = await self._outbox.receive.receive()
            with anyio.fail_after(WRITE_S):
                await stream.send(protocol.frame(message))

    async def _read(self, frames: protocol.Frames, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            request = await frames.request()
            match request:
                case protocol.Whip() | protocol.Whep() | protocol.FirstPicture():
                    tasks.start_soon(self._reply, request)
                case protocol.Patch():
                    self._outbox.put(self._patch(request))
                case _:
                    self._outbox.put(self._order(request))

    async def _reply(self, request: _Asked) -> None:
        """One caller's bytes end one caller's call, and never all pictures of this relay."""
        try:
            answer = await self._answer(request)
        except CallRefusedError as error:
            answer = protocol.Answer(re=request.id, status=error.status)
        except Exception:  # noqa: BLE001 -- supervisor of one call among many
            _LOG.exception("%s broke off", type(request).__name__)
            answer = protocol.Answer(re=request.id, status=503)
        self._outbox.put(answer)

    async def _answer(self, request: _Asked) -> protocol.Answer:
        engine = self._engine
        if isinstance(request, protocol.FirstPicture):
            picture = await engine.first_pictures.give(request.session)
            return protocol.Answer(re=request.id, status=200, picture=picture)
        if isinstance(request, protocol.Whip):
            subject = request.publication
            sdp, resource = await engine.whip(subject, request.ticket, request.sdp)
        else:
            subject = request.session
            sdp, resource = await engine.whep(subject, request.ticket, request.sdp)
        etag = engine.patches.tag(subject, resource)
        return protocol.Answer(re=request.id, status=201, sdp=sdp, resource=resource, etag=etag)

    def _patch(self, request: protocol.Patch) -> protocol.Answer:
        try:
            taken = self._engine.patches.take(request.subject, request.resource, request.tags, request.sdp)
        except CallRefusedError as error:
            return protocol.Answer(re=request.id, status=error.status)
        return protocol.Answer(re=request.id, status=200 if taken.sdp else 204, sdp=taken.sdp, etag=taken.tag)

    def _order(
        self,
        request: protocol.Delete | protocol.Tunnel | protocol.Admit | protocol.Lease | protocol.Drop | protocol.Stats,
    ) -> protocol.Answer:
        engine, is_done = self._engine, True
        match request:
            case protocol.Delete():
                is_done = engine.leave(request.subject, request.resource)
            case protocol.Tunnel():
                is_done = engine.patches.tag(request.publication, request.resource) != ""
            case protocol.Admit():
                is_done = engine.admit(
                    request.session, request.publication, request.fingerprint, request.valid_s, sound=request.sound
                )
            case protocol.Lease():
                engine.lease(request.sessions)
            case protocol.Drop():
                engine.drop(request.sessions)
            case protocol.Stats():
                figures = engine.viewer_figures(request.session) if request.session else engine.figures()
                return protocol.Answer(re=request.id, status=200, figures=figures)
        return protocol.Answer(re=request.id, status=200 if is_done else 404)

    async def _sweep(self) -> None:
        while True:
            await anyio.sleep(SWEEP_S)
            self._engine.sweep()
