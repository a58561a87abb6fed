"""Whether a Janus answers as the gateway needs it, looked at from beside a gateway that may be using it.

Nothing there is touched: it is asked how it is set up, and whether the secret opens a session, which ends with the
connection. The adapter's own start would clear away the rooms of the gateway that runs.
"""

from typing import Final

import anyio

from gateway.live.engines.janus_says import problem_of
from gateway.live.engines.janus_socket import JanusSocket
from gateway.live.relay.client import RelayGoneError
from partner_agent.wire.ids import IdSource

LOOK_S: Final = 12.0


async def trouble_of(*, url: str, admin_url: str, secret: str, ids: IdSource) -> str:
    """Why it cannot be used, in words for whoever runs it; empty where it can."""
    trouble = await _asked(JanusSocket(url=url, secret=secret, ids=ids), "its API", is_admin=False)
    return trouble or await _asked(
        JanusSocket(url=admin_url, secret=secret, ids=ids, is_admin=True), "its admin API", is_admin=True
    )


async def _asked(socket: JanusSocket, what: str, *, is_admin: bool) -> str:
    trouble = f"{what} does not answer"

    async def ask() -> None:
        nonlocal trouble
        if is_admin:
            await socket.ask("list_sessions")
            trouble = ""
        else:
            trouble = problem_of(await socket.ask("info", wanted=("server_info",)))
            if not trouble:
                await socket.ask("create")
        done.cancel()

    with anyio.move_on_after(LOOK_S) as done:
        try:
            await socket.run(ask, lambda _said: None)
        except RelayGoneError as error:
            return f"{what}: {error}"
    return trouble
