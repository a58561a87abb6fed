"""The gateway's port at a site's own loopback address, in a process and so in a network of its own: `… PORT HOST`.

An agent takes http from its own machine alone. What it says here goes on to the same port of `HOST`, through whatever
router is in the way.
"""

import sys

import anyio
import anyio.abc


async def serve(port: int, host: str) -> None:
    """Until killed."""

    async def one(near: anyio.abc.SocketStream) -> None:
        async with near, await anyio.connect_tcp(host, port) as far, anyio.create_task_group() as tasks:
            tasks.start_soon(_pass, near, far)
            tasks.start_soon(_pass, far, near)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await listener.serve(one)


async def _pass(source: anyio.abc.SocketStream, target: anyio.abc.SocketStream) -> None:
    """Until one of the two hangs up, which ends both ways."""
    try:
        async for data in source:
            await target.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass
    await source.aclose()
    await target.aclose()


if __name__ == "__main__":
    anyio.run(serve, int(sys.argv[1]), sys.argv[2])
