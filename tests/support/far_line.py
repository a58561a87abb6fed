"""A site's measurement of its line, in a process and so in a network of its own: `… URL`; says kbit/s, or why not."""

import sys

import anyio
import httpx

from partner_agent.line import HttpMeter
from partner_agent.wire.check_messages import CheckUpload
from partner_agent.wire.clock import SystemClock


async def measure(url: str) -> None:
    """Once, in one line."""
    async with httpx.AsyncClient() as http:
        meter = HttpMeter(http=http, clock=SystemClock())
        rate = await meter.measure(CheckUpload(url=url, token="t"), is_watched=lambda: False)
    sys.stdout.write(f"{rate.kbps or rate.why}\n")


if __name__ == "__main__":
    anyio.run(measure, sys.argv[1])
