"""`python -m tests.support.closed_legs`: two legs meet, restart and close; says what of them is still there.

A process of its own, for whatever else a test run holds (a traceback, a task of another test) would count.
"""

import gc
import sys
import weakref
from contextlib import suppress

import anyio

from tests.partner_agent.rtc.test_legs import meet, restarted, two_ends
from tests.support.waiting import until


async def main() -> None:
    """Without the collector: what goes, goes by itself."""
    gc.collect()
    gc.disable()
    held = await _met_and_closed()
    with suppress(TimeoutError):
        await until(lambda: not any(each() for each in held))
    left = [type(each()).__name__ for each in held if each() is not None]
    sys.stdout.write(", ".join(left) or "nothing")


async def _met_and_closed() -> list[weakref.ref[object]]:
    async with two_ends() as (one, two):
        await meet(one, two)
        await restarted(one, two)
        return [weakref.ref(each) for leg in (one.leg, two.leg) for each in (leg, leg._dtls, leg._session.connection)]


if __name__ == "__main__":
    anyio.run(main)
