"""People who come and go: each opens a view over the API, calls the relay, watches for a while and leaves in one way.

They leave as people do: by closing the picture, by hanging up, by vanishing without a word, or before they called.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import anyio
import anyio.abc
import httpx

from partner_agent.rtc import certificate, sdp
from partner_agent.rtc.mux import UdpPort
from partner_agent.wire.clock import SystemClock
from tests.support.legs import End
from tests.support.waiting import until

STAY_S: Final = (2.0, 12.0)
CONNECT_S: Final = 10.0
FIRST_S: Final = 10.0
VIEWS: Final = "/api/v1/live-sessions"
WAYS: Final = ("closes", "closes", "closes", "hangs up", "hangs up", "vanishes", "never calls")


@dataclass
class Desk:
    """Somebody who is signed in before an open incident.

    Attributes:
        http: with their cookies and form token.
        cameras: that they may open.
    """

    http: httpx.AsyncClient
    incident: str
    purpose: str
    cameras: tuple[str, ...]


@dataclass
class Crowd:
    """Visitors, and what became of them.

    Attributes:
        told: how many saw pictures, left by which way, or were refused.
    """

    desks: tuple[Desk, ...]
    joins_a_minute: float
    dice: Random
    told: Counter[str] = field(default_factory=Counter)
    inside: int = 0

    def __post_init__(self) -> None:
        self._identity = certificate.generate(SystemClock().now())

    async def come_and_go(self, seconds: float) -> None:
        """Let them come, one after the other at random moments, and wait for the last to leave."""
        async with anyio.create_task_group() as tasks:
            with anyio.move_on_after(seconds):
                while True:
                    tasks.start_soon(self._visit)
                    await anyio.sleep(self.dice.expovariate(self.joins_a_minute / 60))

    async def _visit(self) -> None:
        self.inside += 1
        try:
            await self._watch(self.dice.choice(self.desks), self.dice.choice(WAYS))
        except Exception as error:  # noqa: BLE001 -- counted by its words; the others go on
            self.told[f"error: {error!r}"[:120]] += 1
        finally:
            self.inside -= 1

    async def _watch(self, desk: Desk, way: str) -> None:
        wish = {
            "camera_id": self.dice.choice(desk.cameras),
            "purpose": desk.purpose,
            "incident_id": desk.incident,
            "dtls_fingerprint": self._identity.fingerprint,
        }
        answer = await desk.http.post(VIEWS, json=wish)
        if answer.status_code != 201:
            self.told[f"refused: {answer.status_code} {answer.json().get('detail', '')}"] += 1
            return
        opened = answer.json()
        if way == "never calls":
            self.told[way] += 1
            return
        end = End(await UdpPort.open("127.0.0.1"), self._identity, is_controlling=True)
        try:
            await self._look(desk, opened, end, way)
        finally:
            await end.leg.close()
            end.port.close()

    async def _look(self, desk: Desk, opened: dict[str, str], end: End, way: str) -> None:
        resource = await self._call(desk, opened, end)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end.report)
            if await _came(end):
                self.told["saw pictures"] += 1
            else:
                self.told[f"saw nothing: {await self._why(desk, opened)}"] += 1
            await anyio.sleep(self.dice.uniform(*STAY_S))
            tasks.cancel_scope.cancel()
        if way == "closes":
            await desk.http.delete(f"{VIEWS}/{opened['session_id']}")
        elif way == "hangs up":
            await desk.http.delete(resource)
        self.told[way] += 1

    async def _why(self, desk: Desk, opened: dict[str, str]) -> str:
        view = (await desk.http.get(f"{VIEWS}/{opened['session_id']}")).json()
        return f"{view.get('state')} {view.get('words')}"

    async def _call(self, desk: Desk, opened: dict[str, str], end: End) -> str:
        leg = end.leg
        offer = sdp.Call(leg.user_fragment, leg.password, end.identity.fingerprint, "actpass", "recvonly", 96, "42e01f")
        headers = {"content-type": "application/sdp", "authorization": f"Bearer {opened['ticket']}"}
        answer = await desk.http.post(opened["whep_url"], content=sdp.write(offer), headers=headers)
        if answer.status_code != 201:
            raise RuntimeError(f"the call was answered {answer.status_code}")
        call = sdp.parse(answer.text)
        await leg.add_candidate(call.candidates[0])
        with anyio.fail_after(CONNECT_S):
            await leg.connect(
                user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="client"
            )
        return str(answer.headers["location"])


async def _came(end: End) -> bool:
    with suppress(TimeoutError):
        await until(lambda: bool(end.rtp), timeout_s=FIRST_S)
    return bool(end.rtp)
