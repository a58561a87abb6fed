"""One camera's uplink as the agent runs it, in a process of its own: its source, its publisher, its event loop.

The WHIP call goes over standard output and input instead of HTTP: the one thing of it that is not the product's. What
an agent does beside each camera is left out, as its peer has none: link, store, choice of streams, the site's budget.
"""

import json
import sys

import anyio
import anyio.to_thread
import httpx

from partner_agent.demux import CameraAddress
from partner_agent.rtc import certificate
from partner_agent.rtc.whip import Publisher, PublishTarget
from partner_agent.rtsp import CameraSource
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds

WHIP = "http://localhost/whip/pub"


async def _call(request: httpx.Request) -> httpx.Response:
    sys.stdout.write(json.dumps({"offer": request.content.decode()}) + "\n")
    sys.stdout.flush()
    answer = json.loads(await anyio.to_thread.run_sync(sys.stdin.readline))["answer"]
    return httpx.Response(201, text=answer, headers={"location": WHIP})


async def _send(settings: dict[str, str]) -> None:
    clock, ids = SystemClock(), SystemIds()
    source = CameraSource(CameraAddress(settings["url"]), clock=clock, ids=ids)
    async with httpx.AsyncClient(transport=httpx.MockTransport(_call)) as http, anyio.create_task_group() as tasks:
        publisher = Publisher(
            http=http,
            identity=certificate.generate(clock.now()),
            media_address=settings["media_address"],
            allows_address=lambda _: True,
            clock=clock,
            ids=ids,
        )
        tasks.start_soon(source.run)
        target = PublishTarget(WHIP, settings["ticket"], settings["fingerprint"])
        publication = await publisher.publish(source.subscribe(), target, tasks=tasks)
        sys.stdout.write("{}\n")
        sys.stdout.flush()
        await publication.ended.wait()
        raise RuntimeError("the uplink ended")


if __name__ == "__main__":
    anyio.run(_send, json.loads(sys.stdin.readline()))
