"""One live link to one agent: frames in and out, answers brought to those who wait for them.

Nothing waits without a bound. What the gateway wants to say queues up to `OUTBOX`; beyond it the link is closed and the
agent comes back, for both ends repeat what counts. What the agent said and nobody has handled yet queues up to `INBOX`;
then nothing more is read, and TCP holds the agent back, for `PATIENCE_S` in all until the queue has been empty once.
Closing at once would make an agent that has much to tell a slow gateway tell it all again, and never be done.
An agent that says nothing for three heartbeats is gone. The meaning of messages is in their handlers (`hub`).
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from gateway.kernel.errors import DeadlineError, UnavailableError
from gateway.sites.model import Agent
from gateway.sites.ports import LinkClosedError, Transport
from partner_agent.wire import frames
from partner_agent.wire.handshake import CLOSE_BACK_OFF
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import HEARTBEAT_IDLE_S
from partner_agent.wire.messages import Message

OUTBOX: Final = 64  # messages; a grant, a lease batch and documents fit many times over
INBOX: Final = 64  # messages
PATIENCE_S: Final = 10.0
SILENCE_S: Final = 3 * HEARTBEAT_IDLE_S
CLOSE_MALFORMED: Final = 1007  # RFC 6455 §7.4.1
_NOT_THERE: Final = "The site is not connected."


class Waiting:
    """Somebody waits for the answer to one message."""

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.answer: Message | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a link.

    Attributes:
        agent: as it was when the link came up; state and epoch may have moved since.
        link_id: `lnk_…`, fresh for each connection.
    """

    agent: Agent
    link_id: str

    @property
    def agent_id(self) -> str:
        """`agt_…`."""
        return self.agent.id


Receive = Callable[["Link", Message], Awaitable[None]]


class Link:
    """A greeted agent's connection."""

    def __init__(self, *, peer: Peer, transport: Transport, ids: IdSource, receive: Receive) -> None:
        """`receive` gets every message, one after the other; answers somebody waits for are delivered after it."""
        self.peer = peer
        self._transport = transport
        self._ids = ids
        self._receive = receive
        self._outbox_in, self._outbox = anyio.create_memory_object_stream[Message](OUTBOX)
        self._inbox_in, self._inbox = anyio.create_memory_object_stream[Message](INBOX)
        self._waiting: dict[str, Waiting] = {}
        self._patience_s = PATIENCE_S
        self._close_code = 1001
        self._group: TaskGroup | None = None
        self.is_open = True

    async def run(self, tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()) -> int:
        """Carry messages, and run `tasks`, until the link is over; the close code."""
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                for task in (self._write, self._work, *tasks):
                    group.start_soon(task)
                if not self.is_open:  # ended before it began
                    group.cancel_scope.cancel()
                await self._read()
                group.cancel_scope.cancel()
        finally:
            self.is_open = False
            for waiting in self._waiting.values():
                waiting.event.set()
            for stream in (self._outbox_in, self._outbox, self._inbox_in, self._inbox):
                stream.close()
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await self._transport.close(self._close_code)
        return self._close_code

    def end(self, code: int) -> None:
        """Close the link with `code`; whoever waits is told at once."""
        self._close_code = code
        self.is_open = False
        if self._group:
            self._group.cancel_scope.cancel()

    def tell(self, message: Message) -> None:
        """Queue `message`.

        Raises:
            UnavailableError: the link is over, or so much is queued that it is closed now.
        """
        if not self.is_open:
            raise UnavailableError(_NOT_THERE)
        try:
            self._outbox_in.send_nowait(message)
        except anyio.WouldBlock as error:
            self.end(CLOSE_BACK_OFF)
            raise UnavailableError("The site does not keep up; it will connect again.") from error

    async def ask(self, message: Message, *, deadline_s: float) -> Message:
        """Send `message` and wait for its answer; handlers of the answer's kind have run by then.

        Raises:
            UnavailableError: the link ended first.
            DeadlineError: no answer within `deadline_s`.
        """
        waiting = self._waiting[message.id] = Waiting()
        try:
            self.tell(message)
            with anyio.fail_after(deadline_s):
                await waiting.event.wait()
        except TimeoutError as error:
            raise DeadlineError("The site did not answer in time.") from error
        finally:
            self._waiting.pop(message.id, None)
        if waiting.answer is None:
            raise UnavailableError(_NOT_THERE)
        return waiting.answer

    def deliver(self, answer: Message) -> None:
        """Hand `answer` to whoever waits for it."""
        waiting = self._waiting.get(answer.re or "")
        if waiting:
            waiting.answer = answer
            waiting.event.set()

    def new_id(self) -> str:
        """An id for the next message."""
        return self._ids.new("msg")

    async def _read(self) -> None:
        while True:
            with anyio.move_on_after(SILENCE_S) as scope:
                try:
                    frame = await self._transport.receive()
                except LinkClosedError:
                    return
            if scope.cancelled_caught:
                return
            try:
                message = frames.decode(frame)
            except frames.MalformedError:
                self._close_code = CLOSE_MALFORMED
                return
            if isinstance(message, frames.Unrecognized):
                self._say_unsupported(message)
                continue
            if not await self._put(message):
                self._close_code = CLOSE_BACK_OFF
                return

    async def _put(self, message: Message) -> bool:
        """Queue what the agent said; False if that took longer than the patience that is left."""
        began = anyio.current_time()
        with anyio.move_on_after(self._patience_s) as scope:
            await self._inbox_in.send(message)
        self._patience_s -= anyio.current_time() - began
        return not scope.cancelled_caught

    def _say_unsupported(self, message: frames.Unrecognized) -> None:
        answer = message.answer(self.new_id())
        if answer:
            self.tell(answer)

    async def _work(self) -> None:
        async for message in self._inbox:
            await self._receive(self, message)
            self.deliver(message)
            if not self._inbox.statistics().current_buffer_used:
                self._patience_s = PATIENCE_S

    async def _write(self) -> None:
        async for message in self._outbox:
            try:
                await self._transport.send(frames.encode(message))
            except LinkClosedError:
                return
