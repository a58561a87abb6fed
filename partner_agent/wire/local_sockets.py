"""Streams over Unix sockets that may be cancelled at any moment.

anyio 4.16 waits on a Unix socket's file itself: cancelled in the same turn of the loop in which bytes arrive, it sets
the result of a future that is over, and the loop reports an `InvalidStateError` nobody can catch. Its TCP streams stand
on the loop's transports, which do not; a Unix socket is put on one here.
"""

from pathlib import Path

import anyio
from anyio.abc import SocketAttribute, SocketStream


async def connect(path: Path) -> SocketStream:
    """Connect to who listens on `path`.

    Raises:
        OSError: nobody listens.
    """
    return await on_a_transport(await anyio.connect_unix(path))


async def on_a_transport(stream: SocketStream) -> SocketStream:
    """The connection of `stream`, from now on by the loop's transport; `stream` itself is no longer used."""
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 -- anyio's attributes, no query
    return await SocketStream.from_socket(raw.detach())
