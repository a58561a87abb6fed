"""The outbox: bounded, open only while a link is up; what must arrive is repeated by whoever owns it."""

from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from partner_agent.wire.messages import Message

MESSAGES: Final = 256  # full = the gateway does not read: the link is dropped, instead of one message in between


class Postbox:
    """Where every part says what it has to say to the gateway."""

    def __init__(self) -> None:
        self._out: MemoryObjectSendStream[Message] | None = None
        self.overflow = anyio.Event()

    @property
    def is_open(self) -> bool:
        """Whether a link is up."""
        return self._out is not None

    def open(self) -> MemoryObjectReceiveStream[Message]:
        """A link is up: the stream it sends from."""
        self.overflow = anyio.Event()
        self._out, receive = anyio.create_memory_object_stream[Message](MESSAGES)
        return receive

    def close(self) -> None:
        """The link is gone; what was not sent is dropped."""
        if self._out is not None:
            self._out.close()
            self._out = None

    def post(self, message: Message) -> None:
        """Say it if there is a link."""
        if self._out is None:
            return
        try:
            self._out.send_nowait(message)
        except (anyio.WouldBlock, anyio.BrokenResourceError):
            self.overflow.set()
            self.close()
