"""MediaMTX as a media server, by its documented API (1.20): WHIP and WHEP at its doors, sessions listed and kicked.

Not run against the real one: tests use a fake that was written from its documents. It cannot be chosen, for it makes a
new certificate for each call, and its API answers before a kicked connection is closed. Whoever tries it keeps its
HTTP doors on loopback, with one user that the gateway alone knows. https://mediamtx.org/docs/references/control-api
"""

import urllib.parse
from typing import Any, Final

import anyio
import httpx

from gateway.live.engines.ports import Leg, News, Passed, ServerRefusedError
from gateway.live.ports import EngineFeatures
from gateway.live.relay.client import RelayGoneError
from partner_agent.rtc import sdp
from partner_agent.rtc.fragment import Fragment

FEATURES: Final = EngineFeatures(
    keeps_one_certificate=False,
    confirms_ends=False,
    is_fenced=False,
    starts_at_once=False,
    restarts_ice=False,
    repairs_apart=False,
    counts=False,
    carries_sound=False,
)
ANSWER_S: Final = 5.0
POLL_S: Final = 0.25
PATH_S: Final = 3.0  # a path is there once its tracks are known, a moment after its publisher
SESSIONS: Final = 1_000  # on one page; the gate takes no more calls than that
_SDP: Final = "application/sdp"


class MediaMtx:
    """`MediaServer` over one MediaMTX."""

    features = FEATURES

    def __init__(self, *, http: httpx.AsyncClient, media_url: str, api_url: str) -> None:
        """`http` signs in; `media_url` is where WHIP and WHEP are, `api_url` where the control API is."""
        self._http, self._media_url, self._api_url = http, media_url, api_url
        self._paths: dict[str, str] = {}
        self._up: set[str] = set()
        self.is_ready = False

    async def run(self, news: News) -> None:
        """It tells nothing by itself, so its sessions are asked for."""
        try:
            while True:
                before = set(self._paths)
                self._compare(before, await self._sessions(), news)
                self.is_ready = True
                await anyio.sleep(POLL_S)
        finally:
            self.is_ready = False
            self._paths.clear()
            self._up.clear()

    async def publish(self, publication: str, offer: str) -> Leg:
        """A path of the publication's name."""
        answer = await self._call(publication, "whip", offer)
        if answer is None:
            raise ServerRefusedError("MediaMTX knows no such path; its settings need all_others")
        return answer

    async def view(self, uplink: str, offer: str) -> Leg:
        """Read the publisher's path, once it is there."""
        path = self._paths.get(uplink)
        if path is None:
            raise ServerRefusedError("the publisher is gone")
        with anyio.move_on_after(PATH_S):
            while True:
                answer = await self._call(path, "whep", offer)
                if answer is not None:
                    return answer
                await anyio.sleep(POLL_S)
        raise ServerRefusedError("MediaMTX has no stream at this path")

    async def restart(self, leg_id: str, theirs: Fragment) -> Fragment:
        """Its documents name no way."""
        raise ServerRefusedError("MediaMTX restarts no ICE")

    async def passed(self, leg_id: str) -> Passed | None:
        """Its list counts bytes of all kinds together, so nothing is said."""
        return None

    async def end(self, leg_id: str) -> None:
        """Kick; the answer comes before the connection is closed."""
        self._paths.pop(leg_id, None)
        response = await self._ask("POST", f"{self._api_url}/v3/webrtcsessions/kick/{leg_id}")
        if response.status_code not in (httpx.codes.OK, httpx.codes.NOT_FOUND):
            raise RelayGoneError(f"MediaMTX answered {response.status_code} to a kick")

    async def keep(self) -> None:
        """It knows no lease."""

    async def _call(self, path: str, door: str, offer: str) -> Leg | None:
        """One call; None when there is no such path."""
        url = f"{self._media_url}/{urllib.parse.quote(path, safe='')}/{door}"
        response = await self._ask("POST", url, content=offer, headers={"content-type": _SDP})
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        leg_id = response.headers.get("id", "")
        if response.status_code != httpx.codes.CREATED or not leg_id:
            raise ServerRefusedError(f"MediaMTX answered {response.status_code}")
        try:
            leg = Leg(leg_id, sdp.parse(response.text))
        except sdp.SdpError as error:
            await self.end(leg_id)
            raise ServerRefusedError(f"MediaMTX gave no answer that can be used: {error}") from error
        self._paths[leg_id] = path
        return leg

    def _compare(self, before: set[str], sessions: dict[str, bool], news: News) -> None:
        for leg_id in before:
            if leg_id not in sessions:
                self._up.discard(leg_id)
                if self._paths.pop(leg_id, None) is not None:
                    news.lost(leg_id)
            elif sessions[leg_id] and leg_id not in self._up:
                self._up.add(leg_id)
                news.up(leg_id)

    async def _sessions(self) -> dict[str, bool]:
        """Each session, and whether media can flow on it."""
        url = f"{self._api_url}/v3/webrtcsessions/list?itemsPerPage={SESSIONS}"
        response = await self._ask("GET", url)
        try:
            items = response.raise_for_status().json()["items"]
            return {str(item["id"]): bool(item["peerConnectionEstablished"]) for item in items}
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise RelayGoneError(f"MediaMTX does not list its sessions: {error}") from error

    async def _ask(self, method: str, url: str, **what: Any) -> httpx.Response:
        try:
            return await self._http.request(method, url, timeout=ANSWER_S, follow_redirects=False, **what)
        except httpx.HTTPError as error:
            raise RelayGoneError(f"MediaMTX cannot be reached: {error}") from error
