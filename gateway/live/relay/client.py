"""The gateway's hand on a relay: asks over the Unix socket, hears what happens, and knows when the relay is gone."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from gateway.live.relay import protocol

ANSWER_S: Final = 5.0  # a relay that has not answered by then is treated as gone
CONNECT_S: Final = 10.0
EVENTS: Final = 1_000  # not yet acted upon; beyond, the connection is given up and the lease decides
_LOG: Final = logging.getLogger("lenspact.live")
_RETRY_S: Final = 0.05

OnEvent = Callable[[protocol.Event], Awaitable[None]]


class RelayGoneError(Exception):
    """The relay does not answer; what it forwarded ends with its lease."""


class _Waiting:
    """One request on its way."""

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.answer: protocol.Answer | None = None


class RelayClient:
    """One connection to one relay. Use `run` in a task, then ask.

    Attributes:
        hello: what the relay said of itself; None while there is no connection.
    """

    def __init__(self, *, path: Path, on_event: OnEvent) -> None:
        self.hello: protocol.Hello | None = None
        self._path, self._on_event = path, on_event
        self._stream: anyio.abc.SocketStream | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._count = 0
        self._ready = anyio.Event()

    async def run(self) -> None:
        """Connect, then read until the relay hangs up.

        Raises:
            RelayGoneError: it hung up, or never listened.
        """
        try:
            with anyio.fail_after(CONNECT_S):
                stream = await self._connect()
            async with stream:
                await self._converse(stream)
        except (TimeoutError, OSError) as error:
            raise RelayGoneError("the relay never listened") from error
        else:
            raise RelayGoneError("the relay has hung up")
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        """Forget the connection; whoever waits for an answer learns that there will be none."""
        self._stream, self.hello = None, None
        self._ready = anyio.Event()
        for waiting in self._waiting.values():
            waiting.event.set()
        self._waiting.clear()

    @property
    def is_ready(self) -> bool:
        """Whether the relay has introduced itself; it takes every ticket issued from then on."""
        return self.hello is not None

    async def wait_ready(self) -> protocol.Hello:
        """Wait until the relay has introduced itself."""
        while self.hello is None:
            await self._ready.wait()
        return self.hello

    async def whip(self, publication: str, ticket: str, sdp: str) -> protocol.Answer:
        """A publisher's call."""
        return await self._ask(lambda n: protocol.Whip(id=n, publication=publication, ticket=ticket, sdp=sdp))

    async def whep(self, session: str, ticket: str, sdp: str) -> protocol.Answer:
        """A viewer's call."""
        return await self._ask(lambda n: protocol.Whep(id=n, session=session, ticket=ticket, sdp=sdp))

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye; whether there was such a call."""
        answer = await self._ask(lambda n: protocol.Delete(id=n, subject=subject, resource=resource))
        return answer.status == 200

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> protocol.Answer:
        """Candidates found later, or an ICE restart."""
        return await self._ask(lambda n: protocol.Patch(id=n, subject=subject, resource=resource, tags=tags, sdp=sdp))

    async def admit(self, *, session: str, publication: str, fingerprint: str, valid_s: float) -> bool:
        """Forward; whether the session is still open."""
        answer = await self._ask(
            lambda n: protocol.Admit(
                id=n, session=session, publication=publication, fingerprint=fingerprint, valid_s=valid_s
            )
        )
        return answer.status == 200

    async def lease(self, sessions: list[str]) -> None:
        """These go on."""
        await self._ask(lambda n: protocol.Lease(id=n, sessions=sessions))

    async def drop(self, sessions: list[str]) -> None:
        """End these; when this returns nothing more is forwarded to them."""
        await self._ask(lambda n: protocol.Drop(id=n, sessions=sessions))

    async def figures(self, session: str = "") -> dict[str, int]:
        """How much runs; with a session, what that viewer reports of its way, empty if it is not there."""
        return (await self._ask(lambda n: protocol.Stats(id=n, session=session))).figures

    async def _connect(self) -> anyio.abc.SocketStream:
        while True:
            try:
                return await anyio.connect_unix(self._path)
            except OSError:  # not listening yet
                await anyio.sleep(_RETRY_S)

    async def _converse(self, stream: anyio.abc.SocketStream) -> None:
        """Read answers at once, and events in a task of their own: what they lead to may ask the relay again."""
        events_in, events = anyio.create_memory_object_stream[protocol.Event](EVENTS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hand_on, events)
            try:
                await self._read(stream, events_in)
            except (OSError, anyio.EndOfStream, anyio.ClosedResourceError, anyio.WouldBlock, protocol.ProtocolError):
                self._hang_up()
                events_in.close()  # what was told before is still handed on

    async def _hand_on(self, events: MemoryObjectReceiveStream[protocol.Event]) -> None:
        async with events:
            async for event in events:
                try:
                    await self._on_event(event)
                except Exception:  # noqa: BLE001 -- the supervisor of news: one that cannot be handled stops no picture
                    _LOG.exception("news of the relay could not be handled: %s", event)

    async def _read(self, stream: anyio.abc.SocketStream, events: MemoryObjectSendStream[protocol.Event]) -> None:
        frames = protocol.Frames(stream)
        while True:
            match await frames.from_relay():
                case protocol.Hello() as hello:
                    self._stream, self.hello = stream, hello
                    self._ready.set()
                case protocol.Answer() as answer:
                    waiting = self._waiting.pop(answer.re, None)
                    if waiting is not None:
                        waiting.answer = answer
                        waiting.event.set()
                case event:
                    events.send_nowait(event)

    async def _ask(self, build: Callable[[int], protocol.Message]) -> protocol.Answer:
        stream = self._stream
        if stream is None:
            raise RelayGoneError("there is no relay")
        self._count += 1
        number, waiting = self._count, _Waiting()
        self._waiting[number] = waiting
        try:
            with anyio.fail_after(ANSWER_S):
                await stream.send(protocol.frame(build(number)))
                await waiting.event.wait()
        except (TimeoutError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise RelayGoneError("the relay does not answer") from error
        finally:
            self._waiting.pop(number, None)
        if waiting.answer is None:
            raise RelayGoneError("the relay has hung up")
        return waiting.answer
