"""One connection to Janus, to its API or its admin API: JSON over a WebSocket, answers by transaction, news by handle.

Janus destroys the session, and every call in it, as soon as this connection is gone, or when it hears nothing for its
`session_timeout`. Whoever gets no answer in time therefore hangs up. https://janus.conf.meetecho.com/docs/rest.html
"""

import json
from collections.abc import Callable
from typing import Any, Final

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from gateway.live.engines.ports import ServerRefusedError
from gateway.live.relay.client import RelayGoneError
from partner_agent.wire.ids import IdSource

ANSWER_S: Final = 5.0
CONNECT_S: Final = 5.0
MESSAGE_BYTES: Final = 64 * 1024
_API: Final = (Subprotocol("janus-protocol"), "apisecret")
_ADMIN_API: Final = (Subprotocol("janus-admin-protocol"), "admin_secret")

Said = dict[str, Any]


class _Waiting:
    """One request on its way."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds, self.event = kinds, anyio.Event()
        self.answer: Said | None = None


class JanusSocket:
    """A connection, while inside `run`."""

    def __init__(self, *, url: str, secret: str, ids: IdSource, is_admin: bool = False) -> None:
        self._url, self._secret, self._ids = url, secret, ids
        self._subprotocol, self._word = _ADMIN_API if is_admin else _API
        self._socket: ClientConnection | None = None
        self._waiting: dict[str, _Waiting] = {}

    async def run(self, begin: Callable[[], Any], on_news: Callable[[Said], None]) -> None:
        """Connect, `begin`, and read until Janus hangs up.

        Raises:
            RelayGoneError: it hung up, was never there, or `begin` raised it.
        """
        failure = RelayGoneError("Janus has hung up")
        try:
            async with (
                connect(
                    self._url,
                    subprotocols=[self._subprotocol],
                    open_timeout=CONNECT_S,
                    max_size=MESSAGE_BYTES,
                    proxy=None,
                ) as self._socket,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(begin)
                try:
                    await self._read(self._socket, on_news)
                finally:
                    self._wake()  # before the group waits for `begin`, which may wait for an answer
        except* (WebSocketException, OSError, TimeoutError, ValueError, KeyError, TypeError) as errors:
            failure = RelayGoneError(f"Janus cannot be reached: {errors.exceptions[0]}")
        except* (RelayGoneError, ServerRefusedError) as errors:
            failure = RelayGoneError(str(errors.exceptions[0]))
        finally:
            self._socket = None
            self._wake()
        raise failure

    def _wake(self) -> None:
        """There will be no answer any more."""
        for waiting in self._waiting.values():
            waiting.event.set()
        self._waiting.clear()

    async def ask(self, request: str, /, *, wanted: tuple[str, ...] = ("success",), **fields: object) -> Said:
        """Ask, and wait for the answer; an `ack` alone is none unless it is wanted.

        Raises:
            ServerRefusedError: an error.
            RelayGoneError: no answer, and no connection any more.
        """
        socket = self._socket
        if socket is None:
            raise RelayGoneError("there is no Janus")
        transaction, waiting = self._ids.secret(12).hex(), _Waiting((*wanted, "error"))
        self._waiting[transaction] = waiting
        message = {"janus": request, "transaction": transaction, self._word: self._secret, **fields}
        try:
            with anyio.fail_after(ANSWER_S):
                await socket.send(json.dumps(message))
                await waiting.event.wait()
        except (TimeoutError, WebSocketException, OSError) as error:
            socket.transport.abort()  # its calls end with the connection: what it may still forward is not left to it
            raise RelayGoneError("Janus does not answer") from error
        finally:
            self._waiting.pop(transaction, None)
        answer = waiting.answer
        if answer is None:
            raise RelayGoneError("Janus has hung up")
        plugin = answer.get("plugindata", {}).get("data", {})
        problem = plugin.get("error") or (answer.get("error", {}).get("reason") if answer["janus"] == "error" else "")
        if problem:
            raise ServerRefusedError(f"Janus says no to {request}: {problem}")
        return answer

    async def _read(self, socket: ClientConnection, on_news: Callable[[Said], None]) -> None:
        async for text in socket:
            said: Said = json.loads(text)
            waiting = self._waiting.get(str(said.get("transaction", "")))
            if waiting is None:
                on_news(said)
            elif said["janus"] in waiting.kinds:
                waiting.answer = said
                waiting.event.set()
        raise RelayGoneError("Janus has hung up")
