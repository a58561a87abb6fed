"""The site's look at its own connection and cameras: when the gateway asks for it, or somebody on site does.

One check at a time, and so many an hour: a gateway that lies keeps no camera busy. Whoever is on site asks by way of
the gateway, which names the servers and the place where the line is measured; without a link the cameras and the clock
are looked at alone. What crosses the link are the words of `wire.check_messages`; the newest answer is kept over
restarts.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

import anyio
import anyio.abc

from partner_agent.faults import kind_of, place_of
from partner_agent.first_picture import FirstPicture, NoPictures, Pictures
from partner_agent.journal import Journal
from partner_agent.line import LineRate, Meter, NoMeter
from partner_agent.ports import CameraInfo, Cameras, Outbox, TimeSync
from partner_agent.rtc.detours import Detours, ServerRule, Way
from partner_agent.rtc.netcheck import NetworkFindings, examine_network
from partner_agent.rtc.turn import TurnServer
from partner_agent.store import Store
from partner_agent.wire import frames
from partner_agent.wire.check_messages import (
    CheckedCamera,
    CheckServer,
    ConnectionCheck,
    ConnectionChecked,
    ConnectionWanted,
    Tunnelled,
)
from partner_agent.wire.clock import Clock, from_ms, to_ms
from partner_agent.wire.diagnosis import LONG_KEY_MS
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import CHECKS_AN_HOUR, PICTURE_S
from partner_agent.wire.messages import Problem
from partner_agent.wire.problems import Code

MOST_SERVERS: Final = 8
AN_HOUR_S: Final = 3_600.0
WANTED_S: Final = 10.0  # for the gateway to begin the check that somebody on site wants
_ALONE: Final = ConnectionCheck(id="", servers=[], is_full=True)  # a look that no gateway asked for
_KEPT: Final = "connection_check"
_LOG: Final = logging.getLogger("lenspact.agent")


class Network(Protocol):
    """What tries the network."""

    async def examine(self, stun: Sequence[tuple[str, int]], turn: Sequence[TurnServer]) -> NetworkFindings:
        """Ask these servers."""

    @property
    def way(self) -> Way | None:
        """How the last live view left; None while there was none."""


class NoNetwork:
    """Tries nothing: where no gateway's servers are ever asked."""

    way: Way | None = None

    async def examine(self, stun: Sequence[tuple[str, int]], turn: Sequence[TurnServer]) -> NetworkFindings:
        """Nothing was tried."""
        del stun, turn
        return NetworkFindings()


@dataclass(frozen=True, slots=True)
class Looks:
    """What a check looks with."""

    network: Network = field(default_factory=NoNetwork)
    pictures: Pictures = field(default_factory=NoPictures)
    meter: Meter = field(default_factory=NoMeter)


class Checks:
    """Answers a check.

    Attributes:
        last: the newest answer, and when it was given; None before the first.
        is_running: whether a check was asked for, or runs.
        faults: what the newest one could not look at, for an error nobody foresaw: a camera's id, `network`, `check`.
    """

    def __init__(
        self,
        *,
        store: Store,
        outbox: Outbox,
        clock: Clock,
        ids: IdSource,
        cameras: Cameras,
        sync: TimeSync,
        looks: Looks,
        is_linked: Callable[[], bool],
        is_watched: Callable[[], bool],
        uplink_kbps: int,
        journal: Journal,
    ) -> None:
        """`is_watched`: whether anything is being sent, so that the line is not measured."""
        self._store, self._outbox, self._clock, self._ids = store, outbox, clock, ids
        self._cameras, self._sync = cameras, sync
        self._is_linked, self._is_watched = is_linked, is_watched
        self._network, self._pictures, self._meter = looks.network, looks.pictures, looks.meter
        self._uplink_kbps, self._journal = uplink_kbps, journal
        self._tasks: anyio.abc.TaskGroup | None = None
        self._is_checking = False
        self._wanted: tuple[str, float] | None = None
        self._begun_s: deque[float] = deque(maxlen=CHECKS_AN_HOUR)  # of checks that the gateway asked for
        self._has_told = False  # the owner's record says that there were too many, once until there is room again
        self.last = _kept(store)
        self.faults: list[str] = []

    @property
    def is_running(self) -> bool:
        """Whether an answer is on its way."""
        if self._wanted is not None and self._clock.monotonic() > self._wanted[1]:
            self._wanted = None
        return self._is_checking or self._wanted is not None

    def bind(self, tasks: anyio.abc.TaskGroup) -> None:
        """The task group that owns a check."""
        self._tasks = tasks

    def take(self, message: ConnectionCheck) -> None:
        """Begin; a second one meanwhile is refused, and so is one too many within an hour.

        Whoever is on site and wants to know does not pay for that: what is here is looked at without the gateway.
        """
        is_wanted, self._wanted = self._wanted is not None, None
        if self._is_checking or self._tasks is None:
            self._refuse(message)
        elif self._is_too_often():
            self._refuse(message)
            if is_wanted:
                self._begin(_ALONE)
        else:
            self._begun_s.append(self._clock.monotonic())
            self._begin(message)

    def _refuse(self, message: ConnectionCheck) -> None:
        self._outbox.post(Problem(id=self._ids.new("msg"), re=message.id, code=Code.LIMIT))

    def _is_too_often(self) -> bool:
        begun = self._begun_s
        is_it = len(begun) == CHECKS_AN_HOUR and self._clock.monotonic() - begun[0] < AN_HOUR_S
        if is_it and not self._has_told:
            self._journal.add("checks_too_often", count=CHECKS_AN_HOUR)
        self._has_told = is_it
        return is_it

    def want(self) -> None:
        """Somebody on site wants to know: by way of the gateway, or alone where there is no link."""
        if self.is_running or self._tasks is None:
            return
        if not self._is_linked():
            self._begin(_ALONE)
            return
        wanted = ConnectionWanted(id=self._ids.new("msg"))
        self._wanted = (wanted.id, self._clock.monotonic() + WANTED_S)
        self._outbox.post(wanted)

    def refused(self, re: str | None) -> None:
        """The gateway asks for no check: it was asked too often, or does not know how. What is here is looked at."""
        if self._wanted is not None and self._wanted[0] == re and not self._is_checking:
            self._wanted = None
            self._begin(_ALONE)

    def _begin(self, message: ConnectionCheck) -> None:
        assert self._tasks is not None
        self._is_checking, self.faults = True, []
        self._tasks.start_soon(self._check, message)

    async def _check(self, message: ConnectionCheck) -> None:
        """`message.id` is empty for a look that no gateway asked for."""
        try:
            answer = await self._answer(message)
        except Exception as error:  # noqa: BLE001 - the supervisor of checks: no message of the gateway ends the agent
            self._told("check", error)
            if message.id:
                self._outbox.post(Problem(id=self._ids.new("msg"), re=message.id, code="malformed"))
            return
        finally:
            self._is_checking = False
        self.last = (self._clock.now(), answer)
        self._store.put(_KEPT, f"{to_ms(self.last[0])} {frames.encode(answer).decode()}")
        if message.id:
            self._outbox.post(answer)

    async def _answer(self, message: ConnectionCheck) -> ConnectionChecked:
        """Network and cameras at once, which are not in each other's way; then the line, for itself."""
        stun, turn = _read(message.servers[:MOST_SERVERS])
        found, pictures = NetworkFindings(), dict[str, FirstPicture]()

        async def network() -> None:
            nonlocal found
            try:
                found = await self._network.examine(stun, turn)
            except Exception as error:  # noqa: BLE001 - the supervisor of one part: the cameras are looked at all the same
                self._told("network", error)

        async def cameras() -> None:
            pictures.update(await self._pictures.look(PICTURE_S))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(network)
            if message.is_full:
                tasks.start_soon(cameras)
        for camera, seen in pictures.items():
            if seen.fault:
                self.faults.append(camera)
                self._journal.add("fault", of="check", camera=camera, why=seen.fault)
        rate, way = await self._rate(message), self._network.way
        return ConnectionChecked(
            id=self._ids.new("msg"),
            re=message.id,
            udp=found.udp,
            nat=found.nat,
            turn_udp=found.turn_udp,
            turn_tls=found.turn_tls,
            is_clock_right=self._sync.is_synced(),
            cameras=[_checked(info, pictures.get(info.id)) for info in self._cameras.known()],
            uplink_kbps=self._uplink_kbps or None,
            by_server=None if way is None else way == "server",
            tunnel=_tunnelled(way) if message.has_tunnels else None,
            line_kbps=rate.kbps,
            is_line_bound=rate.is_bound,
            unmeasured=rate.why,
        )

    def _told(self, part: str, error: Exception) -> None:
        """A part of a check failed as nobody foresaw: the record, the log and the doctor say so."""
        _LOG.error("a part of a connection check failed, %s: %s", part, place_of(error))
        self.faults.append(part)
        self._journal.add("fault", of=part, why=kind_of(error))

    async def _rate(self, message: ConnectionCheck) -> LineRate:
        if message.upload is not None:
            return await self._meter.measure(message.upload, is_watched=self._is_watched)
        return LineRate(why="unasked" if message.is_full else None)


def _tunnelled(way: Way | None) -> Tunnelled:
    return "used" if way == "tunnel" else "offered"


def _checked(info: CameraInfo, seen: FirstPicture | None) -> CheckedCamera:
    """What is known of one; `seen` is None where it was not opened for this; a fault shows nothing."""
    if seen is None or seen.fault:
        return CheckedCamera(camera=info.id, kbps=info.kbps, key_distance_ms=info.key_distance_ms)
    is_least = info.key_distance_ms is None and seen.waited_ms > LONG_KEY_MS
    return CheckedCamera(
        camera=info.id,
        kbps=info.kbps,
        key_distance_ms=seen.waited_ms if is_least else info.key_distance_ms,
        is_key_distance_least=is_least,
        codec=seen.codec,
        open_ms=seen.open_ms,
        first_ms=seen.first_ms,
        trouble=seen.trouble,
    )


def _kept(store: Store) -> tuple[datetime, ConnectionChecked] | None:
    """The newest answer as it was kept; None where there is none, or it is of another version of this program."""
    at, _, frame = (store.get(_KEPT) or "").partition(" ")
    if not frame:
        return None
    try:
        message = frames.decode(frame)
    except frames.MalformedError:
        return None
    return (from_ms(int(at)), message) if isinstance(message, ConnectionChecked) else None


class RealNetwork:
    """`Network` over UDP and TURN, by the site's rule for addresses."""

    def __init__(self, rule: ServerRule, detours: Detours) -> None:
        self._rule, self._detours = rule, detours

    async def examine(self, stun: Sequence[tuple[str, int]], turn: Sequence[TurnServer]) -> NetworkFindings:
        """Ask these servers."""
        return await examine_network(stun, turn, self._rule)

    @property
    def way(self) -> Way | None:
        """How the last live view left."""
        return self._detours.last


def _read(servers: Sequence[CheckServer]) -> tuple[list[tuple[str, int]], list[TurnServer]]:
    """Those that answer STUN over UDP, which TURN servers do as well, and those that give places."""
    stun: list[tuple[str, int]] = []
    turn: list[TurnServer] = []
    for server in servers:
        scheme, _, rest = server.url.partition(":")
        is_tcp = "transport=tcp" in rest
        try:
            place = urlsplit("//" + rest)
            host, port = place.hostname or "", place.port or (5349 if scheme.endswith("s") else 3478)
        except ValueError:
            continue
        if scheme in {"stun", "turn"} and not is_tcp:
            stun.append((host, port))
        if scheme in {"turn", "turns"}:
            is_tls = scheme == "turns"
            turn.append(
                TurnServer(
                    host=host,
                    port=port,
                    is_tls=is_tls,
                    is_stream=is_tls or is_tcp,
                    username=server.username,
                    password=server.credential,
                )
            )
    return list(dict.fromkeys(stun)), turn
