"""Janus as a media server: publishers through its video room, viewers through its streaming plugin.

Both of Janus's ways to a viewer make the offer themselves, and a browser that calls by WHEP has made one already. So
each side is told the other's offer as if it were an answer: Janus is ICE-lite and so never controls, and the caller
is the DTLS client. The payload type cannot be agreed on that way, so there is one mountpoint for each that viewers
use; the room forwards to it on loopback under SRTP with keys of its own. Counts are the admin API's. Rooms and
mountpoints outlive a connection that breaks, so whatever is there at the start is cleared away: this Janus is for
nothing else. https://janus.conf.meetecho.com/docs/
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import anyio
import anyio.lowlevel

from gateway.live.engines.janus_says import described, passed_of, problem_of
from gateway.live.engines.janus_socket import CONNECT_S, JanusSocket, Said
from gateway.live.engines.ports import Leg, News, Passed, ServerRefusedError
from gateway.live.ports import EngineFeatures
from gateway.live.relay.client import RelayGoneError
from partner_agent.rtc import sdp
from partner_agent.rtc.fragment import Fragment
from partner_agent.wire.ids import IdSource

FEATURES: Final = EngineFeatures(
    keeps_one_certificate=True,
    confirms_ends=True,
    is_fenced=True,
    starts_at_once=False,
    restarts_ice=True,
    repairs_apart=False,
    counts=True,
    carries_sound=False,
)
_LOOPBACK: Final = "127.0.0.1"
_ROOM: Final = "janus.plugin.videoroom"
_STREAMING: Final = "janus.plugin.streaming"
_SRTP_KEY_BYTES: Final = 30  # RFC 4568 §6.2: AES_CM_128 with its salt
_SRTP_SUITE: Final = 80
_LOG: Final = logging.getLogger("lenspact.live")


@dataclass(slots=True, eq=False)
class _Uplink:
    """A publisher: a room of its own, and the mountpoints that viewers watch.

    Attributes:
        offer: what the caller said last.
        mountpoints: by payload type.
        lock: held while a mountpoint is made.
    """

    handle: int
    room: int
    offer: sdp.Call
    feed: int = 0
    mountpoints: dict[int, int] = field(default_factory=dict)
    lock: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass(slots=True, eq=False)
class _View:
    """A viewer, and what they said last."""

    mountpoint: int
    offer: sdp.Call


class Janus:
    """`MediaServer` over one Janus, which is set up as deploy/janus says."""

    features = FEATURES

    def __init__(self, *, url: str, admin_url: str, secret: str, ids: IdSource) -> None:
        """`secret` opens both APIs, and both plugins' lists."""
        self._socket = JanusSocket(url=url, secret=secret, ids=ids)
        self._admin = JanusSocket(url=admin_url, secret=secret, ids=ids, is_admin=True)
        self._secret, self._ids = secret, ids
        self._session = 0
        self._control = 0
        self._is_answering = anyio.Event()  # the admin API
        self._uplinks: dict[str, _Uplink] = {}
        self._views: dict[str, _View] = {}

    @property
    def is_ready(self) -> bool:
        """Whether there is a session."""
        return self._control != 0

    async def run(self, news: News) -> None:
        """Connect, look at how Janus is set up, and hear of calls until it is gone."""
        failure = RelayGoneError("Janus has hung up")
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._admin.run, self._look, _unheard)
                tasks.start_soon(self._socket.run, self._begin, lambda said: _hear(said, news))
        except* RelayGoneError as errors:
            failure = RelayGoneError(str(errors.exceptions[0]))
        finally:
            self._session = self._control = 0
            self._is_answering = anyio.Event()
            self._uplinks.clear()
            self._views.clear()
        raise failure

    async def publish(self, publication: str, offer: str) -> Leg:
        """A room with room for one."""
        wish = sdp.parse(offer)
        handle = await self._attach(_ROOM)
        uplink = _Uplink(handle, self._number(), wish)
        self._uplinks[str(handle)] = uplink
        room = self._keyed("room", uplink.room)
        try:
            await self._plugin(
                handle,
                "create",
                **room,
                admin_key=self._secret,
                description=publication,
                is_private=True,
                publishers=1,
                videocodec="h264",
            )
            said = await self._negotiate(
                handle,
                {"request": "joinandconfigure", "ptype": "publisher", "audio": False, "video": True, **room},
                {"type": "offer", "sdp": offer},
            )
            uplink.feed = int(said["plugindata"]["data"]["id"])
            return Leg(str(handle), replace(described(said), ssrc=0, rtx_ssrc=0))
        except BaseException:
            await self._give_up(handle)
            raise

    async def view(self, uplink: str, offer: str) -> Leg:
        """Watch the mountpoint that has the viewer's payload type, both sides offering."""
        found = self._uplinks.get(uplink)
        if found is None:
            raise ServerRefusedError("the publisher is gone")
        wish = sdp.parse(offer)
        mountpoint = await self._mountpoint(found, wish)
        handle = await self._attach(_STREAMING)
        try:
            self._views[str(handle)] = _View(mountpoint, wish)
            theirs = await self._watch(handle, mountpoint, wish)
            return Leg(str(handle), replace(theirs, payload_type=wish.payload_type, rtx_payload_type=0, rtx_ssrc=0))
        except BaseException:
            await self._give_up(handle)
            raise

    async def restart(self, leg_id: str, theirs: Fragment) -> Fragment:
        """A publisher's new offer is a restart by itself; for a viewer Janus has to make another offer."""
        uplink, view = self._uplinks.get(leg_id), self._views.get(leg_id)
        if uplink is not None:
            uplink.offer = _with_ice_of(theirs, uplink.offer)
            jsep = {"type": "offer", "sdp": sdp.write(uplink.offer)}
            mine = described(await self._negotiate(int(leg_id), {"request": "configure", "video": True}, jsep))
        elif view is not None:
            view.offer = _with_ice_of(theirs, view.offer)
            mine = await self._watch(int(leg_id), view.mountpoint, view.offer, restart=True)
        else:
            raise ServerRefusedError("the call is over")
        return Fragment(mine.user_fragment, mine.password, mine.candidates, is_last=True)

    async def passed(self, leg_id: str) -> Passed | None:
        """By the admin API."""
        try:
            said = await self._admin.ask("handle_info", session_id=self._session, handle_id=int(leg_id))
        except ServerRefusedError:
            return None
        return passed_of(said.get("info", {}), "in" if leg_id in self._uplinks else "out")

    async def end(self, leg_id: str) -> None:
        """Detach; of a publisher the mountpoints go first."""
        self._views.pop(leg_id, None)
        uplink = self._uplinks.pop(leg_id, None)
        if uplink is not None:
            async with uplink.lock:  # one that is being made goes too
                for mountpoint in uplink.mountpoints.values():
                    await self._quietly("destroy", self._control, **self._keyed("id", mountpoint))
            await self._quietly("destroy", uplink.handle, **self._keyed("room", uplink.room))
        try:
            await self._socket.ask("detach", session_id=self._session, handle_id=int(leg_id))
        except ServerRefusedError:
            _LOG.debug("call %s was over at Janus already", leg_id)

    async def keep(self) -> None:
        """Janus ends the session when it hears nothing."""
        try:
            await self._socket.ask("keepalive", wanted=("ack",), session_id=self._session)
        except ServerRefusedError as error:
            raise RelayGoneError("Janus has ended the session") from error

    async def _look(self) -> None:
        """Whether the admin API is there, and opens to nobody without the secret."""
        await self._admin.ask("list_sessions")
        try:
            await self._admin.ask("list_sessions", admin_secret="")
        except ServerRefusedError:
            self._is_answering.set()
            return
        raise RelayGoneError("Janus is not set up for this: an admin_secret is wanted; see docs/guide/media-engine.md")

    async def _begin(self) -> None:
        said = await self._socket.ask("info", wanted=("server_info",))
        problem = problem_of(said)
        if problem:
            raise RelayGoneError(f"Janus is not set up for this: {problem}; see docs/guide/media-engine.md")
        with anyio.fail_after(CONNECT_S):
            await self._is_answering.wait()
        self._session = int((await self._socket.ask("create"))["data"]["id"])
        control, rooms = await self._attach(_STREAMING), await self._attach(_ROOM)
        await self._clear(control, "id")
        await self._clear(rooms, "room")
        await self._socket.ask("detach", session_id=self._session, handle_id=rooms)
        self._control = control

    async def _clear(self, handle: int, word: str) -> None:
        """Destroy what an earlier connection left: it has no viewer any more, and holds ports."""
        listed = (await self._plugin(handle, "list", admin_key=self._secret))["list"]
        for number in (int(one[word]) for one in listed):
            await self._quietly("destroy", handle, **self._keyed(word, number))

    def _keyed(self, word: str, number: int) -> dict[str, object]:
        """A room or mountpoint with the secret that commands it, which a later process can work out."""
        secret = hmac.digest(self._secret.encode(), f"{word} {number}".encode(), hashlib.sha256).hex()
        return {word: number, "secret": secret, "pin": secret}

    async def _attach(self, plugin: str) -> int:
        with anyio.CancelScope(shield=True):  # or it would be there, and nobody know its number
            said = await self._socket.ask("attach", session_id=self._session, plugin=plugin)
        return int(said["data"]["id"])

    async def _give_up(self, handle: int) -> None:
        """A call that failed on the way."""
        with anyio.CancelScope(shield=True):
            await self.end(str(handle))

    async def _negotiate(self, handle: int, body: dict[str, object], jsep: dict[str, str] | None = None) -> Said:
        """A request that a plugin answers by an event.

        Janus 1.1.2 was seen to crash when a call was detached meanwhile.
        """
        fields: dict[str, object] = {"handle_id": handle, "body": body} | ({"jsep": jsep} if jsep else {})
        return await self._message("event", **fields)

    async def _watch(self, handle: int, mountpoint: int, wish: sdp.Call, **more: object) -> sdp.Call:
        """Janus's offer, answered with the viewer's."""
        pin = self._keyed("id", mountpoint)["pin"]
        offer = described(await self._negotiate(handle, {"request": "watch", "id": mountpoint, "pin": pin, **more}))
        answer = sdp.write(replace(wish, mid=offer.mid, rtx_payload_type=0))
        await self._negotiate(handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        return offer

    async def _plugin(self, handle: int, request: str, **body: object) -> Said:
        """A request that a plugin answers at once."""
        said = await self._message("success", handle_id=handle, body={"request": request, **body})
        return dict(said["plugindata"]["data"])

    async def _message(self, wanted: str, **fields: object) -> Said:
        """A request to a plugin. A caller who hangs up waits for its answer, and then is gone.

        Janus hands these to a pool of threads: what undoes one that is not answered may be done before it.
        """
        with anyio.CancelScope(shield=True):
            said = await self._socket.ask("message", wanted=(wanted,), session_id=self._session, **fields)
        await anyio.lowlevel.checkpoint_if_cancelled()
        return dict(said)

    async def _quietly(self, request: str, handle: int, **body: object) -> None:
        try:
            await self._plugin(handle, request, **body)
        except ServerRefusedError:
            _LOG.debug("%s: it was gone at Janus already", request)

    async def _mountpoint(self, uplink: _Uplink, wish: sdp.Call) -> int:
        """The mountpoint for a payload type; made when it is first wanted, and fed from then on."""
        async with uplink.lock:
            if str(uplink.handle) not in self._uplinks:
                raise ServerRefusedError("the publisher is gone")
            if wish.payload_type not in uplink.mountpoints:
                number = self._number()
                uplink.mountpoints[wish.payload_type] = number  # before it is: what ends the publisher ends it too
                try:
                    await self._make_mountpoint(number, uplink, wish)
                except BaseException:
                    del uplink.mountpoints[wish.payload_type]
                    with anyio.CancelScope(shield=True):
                        await self._quietly("destroy", self._control, **self._keyed("id", number))
                    raise
            return uplink.mountpoints[wish.payload_type]

    async def _make_mountpoint(self, number: int, uplink: _Uplink, wish: sdp.Call) -> None:
        key = base64.b64encode(self._ids.secret(_SRTP_KEY_BYTES)).decode()
        video = {
            "type": "video",
            "mid": "0",
            "iface": _LOOPBACK,
            "port": 0,
            "rtcpport": 0,
            "pt": wish.payload_type,
            "codec": "h264",
            "fmtp": f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={wish.profile}",
        }
        made = await self._plugin(
            self._control,
            "create",
            **self._keyed("id", number),
            admin_key=self._secret,
            type="rtp",
            is_private=True,
            srtpsuite=_SRTP_SUITE,
            srtpcrypto=key,
            media=[video],
        )
        (port,) = made["stream"]["ports"]
        to = {"mid": uplink.offer.mid, "port": port["port"], "rtcp_port": port["rtcp_port"], "pt": wish.payload_type}
        await self._plugin(
            uplink.handle,
            "rtp_forward",
            room=uplink.room,
            publisher_id=uplink.feed,
            secret=self._keyed("room", uplink.room)["secret"],
            host=_LOOPBACK,
            srtp_suite=_SRTP_SUITE,
            srtp_crypto=key,
            streams=[to],
        )

    def _number(self) -> int:
        return int.from_bytes(self._ids.secret(6), "big") | 1


def _with_ice_of(theirs: Fragment, offer: sdp.Call) -> sdp.Call:
    return replace(offer, user_fragment=theirs.user_fragment, password=theirs.password)


def _unheard(said: Said) -> None:
    """The admin API tells nothing unasked."""
    _LOG.debug("the admin API says %s", said.get("janus"))


def _hear(said: Said, news: News) -> None:
    sender = str(said.get("sender", ""))
    tell: dict[str, Callable[[str], None]] = {"webrtcup": news.up, "hangup": news.lost, "detached": news.lost}
    if said.get("janus") == "timeout":
        raise RelayGoneError("Janus has ended the session, for it heard nothing")
    if sender and said.get("janus") in tell:
        tell[str(said["janus"])](sender)
