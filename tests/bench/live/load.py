"""The process that drives what is measured: it holds every viewer and source, and does what one JSON line asks.

Each line in has an `id`, an `op` (a method of `Load` without its underscore) and its arguments; the line out has the
same `id`. It ends when its standard input does.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread

from partner_agent.rtc import certificate, sdp
from partner_agent.rtc.hooks import Leg
from partner_agent.rtc.mux import UdpPort
from partner_agent.simulator import footage
from partner_agent.wire.clock import SystemClock
from tests.bench.live import clip, ends
from tests.bench.live.packets import Checker

CONNECT_S = 20.0
REPORT_PERIOD_S = 1.0
RUN_PACKETS, RUN_S = (
    20,
    0.001,
)  # a key picture must not overflow the socket of Janus, whose buffer is the system's default


class Load:
    """Everything that calls."""

    def __init__(self, *, host: str, loop: Path, fps: int, tasks: anyio.abc.TaskGroup) -> None:
        self._host, self._fps, self._tasks = host, fps, tasks
        self._pictures = clip.payloads(clip.Stream(footage.load(loop), fps))
        self._clock = SystemClock()
        self.identity = certificate.generate(self._clock.now())
        self._viewers: dict[str, ends.Viewer] = {}
        self._sources: dict[str, ends.Source] = {}
        self._playing: set[str] = set()
        self._connected: dict[str, anyio.Event] = {}

    async def offer(self, name: str, *, is_checker: bool = False) -> dict[str, str]:
        """The offer of a viewer to be."""
        viewer = self._viewer(name, ends.PAYLOAD_TYPE, is_caller=True, is_checker=is_checker)
        return {"sdp": ends.description(viewer.leg, self.identity, "recvonly")}

    async def publish(self, name: str) -> dict[str, str]:
        """The offer of a source to be."""
        port = await UdpPort.open(self._host)
        source = self._sources[name] = ends.Publisher(self._pictures, port=port, identity=self.identity)
        return {"sdp": ends.description(source.leg, self.identity, "sendonly")}

    async def aim(self, name: str, port: int) -> dict[str, str]:
        """A source of bare RTP."""
        own = await UdpPort.open(self._host)
        self._sources[name] = ends.PlainSource(self._pictures, port=own, address=("127.0.0.1", port))
        return {}

    async def accept(self, name: str, sdp: str) -> dict[str, str]:
        """Take the answer to an offer; connected when this returns."""
        held = self._viewers.get(name) or self._sources[name]
        assert isinstance(held, ends.Viewer | ends.Publisher)
        return {"profile": await self._connect(held.leg, sdp)}

    async def answer(self, name: str, sdp: str, *, is_checker: bool = False) -> dict[str, str]:
        """Answer a viewer's being called, and begin to connect; `connected` waits for it."""
        offer = _parsed(sdp)
        viewer = self._viewer(name, offer.payload_type, is_caller=False, is_checker=is_checker)
        self._connected[name] = anyio.Event()
        self._tasks.start_soon(self._meet, name, viewer.leg, sdp)
        return {"sdp": _answer(viewer.leg, self.identity, offer, sdp)}

    async def connected(self, name: str) -> dict[str, str]:
        """Wait for one that was called."""
        with anyio.fail_after(CONNECT_S):
            await self._connected[name].wait()
        return {"profile": self._viewers[name].leg.srtp_profile}

    async def play(self, names: list[str]) -> dict[str, str]:
        """These sources play on, every other pauses."""
        for number, name in enumerate(sorted(set(names) - self._playing)):
            self._tasks.start_soon(self._play, name, number / len(names) / self._fps)
        self._playing = set(names)
        return {}

    async def counts(self, prefix: str) -> dict[str, list[int]]:
        """Packets that came at each viewer whose name begins so, and how many are missing."""
        tallies = [viewer.port.tally for name, viewer in self._viewers.items() if name.startswith(prefix)]
        return {"counts": [tally.count for tally in tallies], "lost": [tally.lost for tally in tallies]}

    async def sent(self) -> dict[str, int]:
        """Packets of all sources until now."""
        return {"sent": sum(source.sent for source in self._sources.values())}

    async def checks(self, name: str) -> dict[str, int]:
        """What the one that looks closely found."""
        checker = self._viewers[name].port.checker
        assert checker is not None
        found = {key: getattr(checker, key) for key in ("checked", "wrong", "missing", "disordered", "replays")}
        viewer = self._viewers[name]
        return {**found, "rejected": viewer.leg.received_rejected, "sender_reports": viewer.sender_reports}

    async def stamp(self, prefix: str) -> dict[str, str]:
        """From now on note when packets arrive."""
        for name, viewer in self._viewers.items():
            if name.startswith(prefix):
                viewer.port.stamp()
        return {}

    async def arrivals(self, names: list[str]) -> dict[str, list[int]]:
        """When the last packet of each came, in ns of the wall clock."""
        return {"arrived_ns": [self._viewers[name].port.arrived_ns for name in names]}

    async def leave(self, names: list[str]) -> dict[str, str]:
        """These viewers go."""
        for name in names:
            await self._viewers.pop(name).close()
        return {}

    async def report(self) -> None:
        """Send everybody's reports, once a second."""
        while True:
            await anyio.sleep(REPORT_PERIOD_S)
            for viewer in self._viewers.values():
                viewer.report()
            for name in self._playing:
                self._sources[name].report()

    def _viewer(self, name: str, payload_type: int, *, is_caller: bool, is_checker: bool) -> ends.Viewer:
        viewer = ends.Viewer(host=self._host, identity=self.identity, is_caller=is_caller, payload_type=payload_type)
        if is_checker:
            viewer.port.checker = Checker([payload for picture in self._pictures for payload in picture])
        self._viewers[name] = viewer
        return viewer

    async def _connect(self, leg: Leg, text: str) -> str:
        call = sdp.parse(text)
        for candidate in call.candidates:
            await leg.add_candidate(candidate)
        with anyio.fail_after(CONNECT_S):
            await leg.connect(
                user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="client"
            )
        return leg.srtp_profile

    async def _meet(self, name: str, leg: Leg, text: str) -> None:
        await self._connect(leg, text)
        self._connected[name].set()

    async def _play(self, name: str, phase_s: float) -> None:
        await anyio.sleep(phase_s)
        began, number = self._clock.monotonic(), 0
        while name in self._playing:
            for datagrams in self._sources[name].next_picture(RUN_PACKETS):
                self._sources[name].send(datagrams)
                if len(datagrams) == RUN_PACKETS:
                    await anyio.sleep(RUN_S)
            number += 1
            await anyio.sleep(max(0.0, began + number / self._fps - self._clock.monotonic()))


def _parsed(text: str) -> sdp.Call:
    return sdp.parse(text)


def _answer(leg: Leg, identity: certificate.DtlsIdentity, offer: sdp.Call, text: str) -> str:
    call = sdp.Call(
        user_fragment=leg.user_fragment,
        password=leg.password,
        fingerprint=identity.fingerprint,
        setup="active",
        direction="recvonly",
        payload_type=offer.payload_type,
        profile=offer.profile,
        mid=offer.mid,
        candidates=leg.candidates,
    )
    again = next((line for line in text.splitlines() if line.lower().endswith(" rtx/90000")), "")
    if not again:
        return sdp.write(call)
    return ends.with_repair(sdp.write(call), offer.payload_type, int(again.removeprefix("a=rtpmap:").split()[0]))


async def _serve(settings: dict[str, Any]) -> None:
    async with anyio.create_task_group() as tasks:
        load = Load(host=settings["host"], loop=Path(settings["loop"]), fps=settings["fps"], tasks=tasks)
        _say({"fingerprint": load.identity.fingerprint})
        tasks.start_soon(load.report)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            tasks.start_soon(_do, load, json.loads(line))
    os._exit(0)


async def _do(load: Load, order: dict[str, Any]) -> None:
    number, operation = order.pop("id"), order.pop("op")
    try:
        answer = await getattr(load, operation)(**order)
    except Exception as error:  # noqa: BLE001 -- told to who asked
        answer = {"error": f"{operation}: {error!r}"}
    _say({"id": number, **answer})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(_serve, json.loads(sys.stdin.readline()), backend_options={"use_uvloop": True})
