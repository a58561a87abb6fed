"""The gateway's hand on a relay: asks over the Unix socket, hears what happens, and knows when the relay is gone.

A call whose ticket opens nothing is answered here: it never takes a place in the queue of one that has a good ticket.
The relay checks every ticket again, and alone knows which were used. ADR 37.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from gateway.live.ports import EngineFeatures
from gateway.live.relay import protocol
from gateway.live.relay.config import RelayConfig
from gateway.live.relay.queue import Kind, Outgoing, QueueFullError
from gateway.live.tickets import InvalidTicketError, TicketCheck, Use
from partner_agent.wire import local_sockets
from partner_agent.wire.clock import Clock

ANSWER_S: Final = 5.0  # a relay that has not answered by then is treated as gone
CONNECT_S: Final = 10.0
EVENTS: Final = 1_000  # not yet acted upon; beyond, the connection is given up and the lease decides
_LOG: Final = logging.getLogger("lenspact.live")
_OPENS_NOTHING: Final = protocol.Answer(re=0, status=401)
_RETRY_S: Final = 0.05
_HUNG_UP: Final = (
    OSError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.WouldBlock,
    protocol.ProtocolError,
)

_FEATURES: Final = EngineFeatures(
    keeps_one_certificate=True,
    confirms_ends=True,
    is_fenced=True,
    starts_at_once=True,
    restarts_ice=True,
    repairs_apart=True,
    counts=True,
    carries_sound=True,
)

OnEvent = Callable[[protocol.Event], Awaitable[None]]


class RelayGoneError(Exception):
    """The relay does not answer; what it forwarded ends with its lease."""


class RelayBusyError(RelayGoneError):
    """So many calls wait for the relay that one more is turned away; orders are not."""


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

    def __init__(self, *, config: RelayConfig, on_event: OnEvent, clock: Clock) -> None:
        """`config` is what the relay is told."""
        self.hello: protocol.Hello | None = None
        self._path, self._on_event = Path(config.socket), on_event
        self._tickets = TicketCheck(public_jwk=config.ticket_jwk, issuer=config.issuer, relay=config.relay, clock=clock)
        self._outgoing: Outgoing | None = None
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
        self._outgoing, self.hello = None, None
        self._ready = anyio.Event()
        for waiting in self._waiting.values():
            waiting.event.set()
        self._waiting.clear()

    @property
    def features(self) -> EngineFeatures:
        """All there is."""
        return _FEATURES

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
        if not self._opens(ticket, "whip", publication):
            return _OPENS_NOTHING
        return await self._ask(
            lambda n: protocol.Whip(id=n, publication=publication, ticket=ticket, sdp=sdp), kind="call"
        )

    async def whep(self, session: str, ticket: str, sdp: str) -> protocol.Answer:
        """A viewer's call."""
        if not self._opens(ticket, "whep", session):
            return _OPENS_NOTHING
        return await self._ask(lambda n: protocol.Whep(id=n, session=session, ticket=ticket, sdp=sdp), kind="call")

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye; whether there was such a call. Anybody may say one, so it waits with the strangers."""
        answer = await self._ask(lambda n: protocol.Delete(id=n, subject=subject, resource=resource), kind="stranger")
        return answer.status == 200

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> protocol.Answer:
        """Candidates found later, or an ICE restart. Anybody may send them, so they wait with the strangers."""
        return await self._ask(
            lambda n: protocol.Patch(id=n, subject=subject, resource=resource, tags=tags, sdp=sdp), kind="stranger"
        )

    async def tunnel_end(self, publication: str, resource: str) -> tuple[str, int] | None:
        """The relay's media address, if it has this publisher's call. Anybody may ask, so they wait as strangers."""
        answer = await self._ask(
            lambda n: protocol.Tunnel(id=n, publication=publication, resource=resource), kind="stranger"
        )
        if answer.status != 200 or self.hello is None or not self.hello.addresses:
            return None
        host, _, number = self.hello.addresses[0].rpartition(":")
        return host, int(number)

    async def admit(
        self, *, session: str, publication: str, fingerprint: str, valid_s: float, sound: bool = False
    ) -> bool:
        """Forward; whether the session is still open."""
        answer = await self._ask(
            lambda n: protocol.Admit(
                id=n,
                session=session,
                publication=publication,
                fingerprint=fingerprint,
                valid_s=valid_s,
                sound=sound,
            )
        )
        return answer.status == 200

    async def lease(self, sessions: list[str]) -> None:
        """These go on."""
        await self._ask(lambda n: protocol.Lease(id=n, sessions=sessions))

    async def drop(self, sessions: list[str]) -> None:
        """End these; when this returns nothing more is forwarded to them."""
        await self._ask(lambda n: protocol.Drop(id=n, sessions=sessions))

    async def first_picture(self, *, session: str, publication: str) -> protocol.Answer:
        """The newest key picture. The page of a running view asks for it, so it waits with the calls."""
        del publication
        return await self._ask(lambda n: protocol.FirstPicture(id=n, session=session), kind="call")

    async def figures(self, session: str = "") -> dict[str, int]:
        """How much runs; with a session, what that viewer reports of its way, empty if it is not there."""
        return (await self._ask(lambda n: protocol.Stats(id=n, session=session))).figures

    async def _connect(self) -> anyio.abc.SocketStream:
        while True:
            try:
                return await local_sockets.connect(self._path)
            except OSError:  # not listening yet
                await anyio.sleep(_RETRY_S)

    async def _converse(self, stream: anyio.abc.SocketStream) -> None:
        """Read answers at once, and events in a task of their own: what they lead to may ask the relay again."""
        events_in, events = anyio.create_memory_object_stream[protocol.Event](EVENTS)
        outgoing = Outgoing()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hand_on, events)
            async with anyio.create_task_group() as writing:
                writing.start_soon(self._write, stream, outgoing)
                try:
                    await self._read(stream, events_in, outgoing)
                except _HUNG_UP:
                    self._hang_up()
                writing.cancel_scope.cancel()
            events_in.close()  # what was told before is still handed on

    async def _write(self, stream: anyio.abc.SocketStream, outgoing: Outgoing) -> None:
        """The one that writes; when it cannot, the connection is over for its reader too."""
        try:
            while True:
                await stream.send(await outgoing.next())
        except _HUNG_UP:
            await stream.aclose()

    async def _hand_on(self, events: MemoryObjectReceiveStream[protocol.Event]) -> None:
        async with events:
            async for event in events:
                try:
                    await self._on_event(event)
                except Exception:  # noqa: BLE001 -- the supervisor of news: one that cannot be handled stops no picture
                    _LOG.exception("news of the relay could not be handled: %s", event)

    async def _read(
        self, stream: anyio.abc.SocketStream, events: MemoryObjectSendStream[protocol.Event], outgoing: Outgoing
    ) -> None:
        frames = protocol.Frames(stream, most_bytes=protocol.ANSWER_BYTES)
        while True:
            match await frames.from_relay():
                case protocol.Hello() as hello:
                    self._outgoing, self.hello = outgoing, hello
                    self._ready.set()
                case protocol.Answer() as answer:
                    waiting = self._waiting.pop(answer.re, None)
                    if waiting is not None:
                        waiting.answer = answer
                        waiting.event.set()
                case event:
                    events.send_nowait(event)

    def _opens(self, ticket: str, use: Use, subject: str) -> bool:
        try:
            self._tickets.check(ticket, use=use, subject=subject)
        except InvalidTicketError:
            return False
        return True

    async def _ask(self, build: Callable[[int], protocol.Message], *, kind: Kind = "order") -> protocol.Answer:
        if self._outgoing is None:
            raise RelayGoneError("there is no relay")
        self._count += 1
        number, waiting = self._count, _Waiting()
        self._waiting[number] = waiting
        try:
            self._outgoing.put(protocol.frame(build(number)), kind)
            with anyio.fail_after(ANSWER_S):
                await waiting.event.wait()
        except protocol.ProtocolError as error:
            if kind != "order":
                raise
            raise RelayGoneError("an order too long for any relay") from error
        except QueueFullError as error:
            why = RelayGoneError if kind == "order" else RelayBusyError
            raise why("too much waits for the relay") from error
        except TimeoutError as error:
            raise RelayGoneError("the relay does not answer") from error
        finally:
            self._waiting.pop(number, None)
        if waiting.answer is None:
            raise RelayGoneError("the relay has hung up")
        return waiting.answer
