"""What a connection check means: for each thing looked at, whether live views will work, and what to do if not.

Pure: an answer in, lines out, what fails first. Gateway and agent both say a check by this one list; a line's sentence
and remedy are patterns with their values beside them, so that each end says them in its reader's language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from partner_agent.wire.check_messages import CheckedCamera, ConnectionChecked
from partner_agent.wire.limits import LINE_MOST_KBPS

LONG_KEY_MS: Final = 4_000  # a view then waits two seconds for its first picture, on average
SLOW_FIRST_MS: Final = 3_000  # what an operator is promised, from the call to the pictures
FULL_HD_KBPS: Final = 4_000  # of one picture at 1080p, at most
_SPARE: Final = 0.8  # of a line that pictures may take: the rest is for what is lost and for everything else


class Level(StrEnum):
    """How it stands with one thing."""

    BAD = "bad"  # live views fail
    CARE = "care"  # they work, but late, not all at once, or not any more after the next fault
    GOOD = "good"


class Topic(StrEnum):
    """What a line is about."""

    NETWORK = "network"
    ROUTER = "router"
    TURN = "turn"
    UPLINK = "uplink"
    CLOCK = "clock"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at.

    Attributes:
        sentence: what is so: a pattern for `values`.
        remedy: what to do; empty where nothing is to be done.
    """

    level: Level
    topic: Topic
    sentence: str
    remedy: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


def lines_of(said: ConnectionChecked, labels: Mapping[str, str]) -> list[Line]:
    """What the answer means: what fails first, then what is worth attention.

    Args:
        said: the agent's answer.
        labels: its cameras, by its own ids; others are not spoken of.
    """
    cameras = [camera for camera in said.cameras if camera.camera in labels]
    found = [*_network(said), *_turn(said), *_uplink(said, cameras), _clock(said)]
    for camera in cameras:
        found += _camera(camera, labels[camera.camera])
    order = list(Level)
    return sorted(found, key=lambda line: order.index(line.level))


def _network(said: ConnectionChecked) -> Iterator[Line]:
    match said.udp:
        case "yes":
            yield Line(Level.GOOD, Topic.NETWORK, UDP_PASSES)
        case "no" if said.turn_tls == "yes":
            yield Line(Level.CARE, Topic.NETWORK, *BY_TLS)
        case "no" if said.tunnel is not None:
            yield Line(Level.CARE, Topic.NETWORK, *IN_WEBSOCKET)
        case "no":
            yield Line(Level.BAD, Topic.NETWORK, *BLOCKED)
        case _:
            yield Line(Level.CARE, Topic.NETWORK, *(ALONE if _is_alone(said) else UDP_UNTRIED))
    router = {"open": NO_ROUTER, "same": ORDINARY, "changing": SYMMETRIC}.get(said.nat)
    if router:
        yield Line(Level.GOOD, Topic.ROUTER, router)
    if said.tunnel == "used":
        yield Line(Level.CARE, Topic.NETWORK, *LAST_IN_WEBSOCKET)
    elif said.by_server is not None:
        yield Line(Level.GOOD, Topic.NETWORK, BY_SERVER if said.by_server else STRAIGHT)


def _is_alone(said: ConnectionChecked) -> bool:
    """Whether the site looked by itself: an answer to no question of a gateway, which names the servers to ask."""
    return said.re == ""


def _turn(said: ConnectionChecked) -> Iterator[Line]:
    if said.turn_udp == "no" and said.udp == "yes":
        yield Line(Level.CARE, Topic.TURN, *NO_TURN_UDP)
    if said.turn_tls == "no":
        is_other_way = said.udp == "yes" or said.tunnel is not None
        yield Line(Level.CARE if is_other_way else Level.BAD, Topic.TURN, *NO_TURN_TLS)
    if said.turn_tls == "yes":
        yield Line(Level.GOOD, Topic.TURN, TLS_OPEN)


def _uplink(said: ConnectionChecked, cameras: list[CheckedCamera]) -> Iterator[Line]:
    rates = [camera.kbps for camera in cameras if camera.kbps]
    needed = sum(rates)
    if said.line_kbps is not None:
        yield _measured(said.line_kbps, rates, is_bound=said.is_line_bound)
    if said.unmeasured is not None and not _is_alone(said):
        yield Line(Level.CARE, Topic.UPLINK, *UNMEASURED[said.unmeasured])
    if said.uplink_kbps and needed > said.uplink_kbps:
        values = {"needed": _mbit(needed), "allowed": _mbit(said.uplink_kbps)}
        yield Line(Level.CARE, Topic.UPLINK, *TOO_MUCH, values)
    elif needed:
        yield Line(Level.GOOD, Topic.UPLINK, NEEDED, values={"needed": _mbit(needed)})


def _measured(line_kbps: int, rates: list[int], *, is_bound: bool) -> Line:
    room_kbps = line_kbps if is_bound else line_kbps * _SPARE
    count = int(room_kbps // FULL_HD_KBPS)
    values = {"carries": _mbit(line_kbps), "count": count, "needed": _mbit(sum(rates))}
    if rates and room_kbps < min(rates):
        return Line(Level.BAD, Topic.UPLINK, *TOO_NARROW, {**values, "needed": _mbit(min(rates))})
    if line_kbps >= LINE_MOST_KBPS:
        return Line(Level.GOOD, Topic.UPLINK, CARRIES_MUCH, values=values)
    if is_bound:
        return Line(Level.GOOD, Topic.UPLINK, CARRIES_BOUND, values=values)
    if rates and room_kbps < sum(rates):
        return Line(Level.CARE, Topic.UPLINK, *NOT_ALL, values)
    if count == 0 and rates:
        return Line(Level.GOOD, Topic.UPLINK, ENOUGH, values=values)
    if count == 0:
        return Line(Level.CARE, Topic.UPLINK, *CARRIES_LESS, values)
    return Line(Level.GOOD, Topic.UPLINK, CARRIES_ONE if count == 1 else CARRIES, values=values)


def _clock(said: ConnectionChecked) -> Line:
    if said.is_clock_right:
        return Line(Level.GOOD, Topic.CLOCK, RIGHT_CLOCK)
    return Line(Level.BAD, Topic.CLOCK, *WRONG_CLOCK)


def _camera(camera: CheckedCamera, label: str) -> Iterator[Line]:
    first, distance = camera.first_ms, camera.key_distance_ms or 0
    values = {
        "camera": label,
        "seconds": round(distance / 1000),
        "first": _seconds(first or 0),
        "opened": _seconds(camera.open_ms or 0),
    }
    if camera.trouble is not None:
        yield Line(Level.BAD, Topic.CAMERA, *TROUBLES[camera.trouble], values)
    elif first is not None and first > SLOW_FIRST_MS and (camera.open_ms or 0) * 2 > first:
        yield Line(Level.CARE, Topic.CAMERA, *SLOW_TO_ANSWER, values)
    elif first is not None and distance <= LONG_KEY_MS:
        sentence = AT_ONCE if camera.open_ms is None else FIRST
        yield Line(Level.GOOD, Topic.CAMERA, sentence, values=values)
    if distance > LONG_KEY_MS:
        seen = LONG_GOP if first is None else LONG_GOP_FIRST
        pattern = LONG_GOP_LEAST if camera.is_key_distance_least else seen
        yield Line(Level.CARE, Topic.CAMERA, *pattern, values)


def _mbit(kbps: int) -> str:
    """In Mbit/s, as people say it."""
    return f"{kbps / 1000:.0f}" if kbps >= 10_000 else f"{kbps / 1000:.1f}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f}"


BLOCKED: Final = (
    "UDP does not get out of the site's network, and no TURN server can be reached by TLS: nobody can watch.",
    "Let UDP out to the agency, or TCP port 443 to its TURN server.",
)
BY_TLS: Final = (
    "UDP does not get out of the site's network; live views go by TLS, and start a little later.",
    "Nothing is broken. Letting UDP out to the agency makes them quicker.",
)
IN_WEBSOCKET: Final = (
    "Only HTTPS to the agency gets out of the site's network: live views go inside a WebSocket, and begin some seconds "
    "late. Pictures may stutter.",
    "Let UDP out to the agency, or TCP port 443 to its TURN server.",
)
LAST_IN_WEBSOCKET: Final = (
    "The last live view went inside a WebSocket, as everything else was blocked: pictures may stutter.",
    "Let UDP out to the agency, or TCP port 443 to its TURN server.",
)
UDP_UNTRIED: Final = (
    "Whether UDP gets out is not known: the agency names no server to ask.",
    "It was not tested; it may work. The agency can name a STUN server.",
)
ALONE: Final = (
    "The network and the line were not tried, as the gateway did not take part (no link, or asked too often). Cameras "
    "and clock were looked at.",
    "Check again once the agent is linked; if it is, in an hour.",
)
NO_TURN_UDP: Final = (
    "The TURN server gives no place over UDP.",
    "Live views do not need it while UDP gets out. Tell the agency.",
)
NO_TURN_TLS: Final = (
    "The TURN server gives no place over TLS.",
    "Let TCP port 443 out to it, and let nobody open TLS on the way. Else tell the agency.",
)
WRONG_CLOCK: Final = (
    "The clock of the agent's machine follows no time source: the site refuses every view.",
    "Set up NTP on it.",
)
TOO_NARROW: Final = (
    "The site's line carries about %(carries)s Mbit/s to the agency, and its smallest picture needs %(needed)s: live "
    "views break off.",
    "Give the cameras a smaller stream for live views, or get a faster line.",
)
NOT_ALL: Final = (
    "The site's line carries about %(carries)s Mbit/s to the agency, and all cameras at once need %(needed)s: they "
    "cannot all be watched at the same time.",
    "Give the cameras a smaller stream for live views, and set uplink_kbps in the agent's settings below what the line "
    "carries.",
)
CARRIES_LESS: Final = (
    "The site's line carries about %(carries)s Mbit/s to the agency: less than one camera at 1080p.",
    "Give the cameras a smaller stream for live views.",
)
TOO_MUCH: Final = (
    "All cameras at once need %(needed)s Mbit/s, and live views may take %(allowed)s.",
    "Give the cameras a smaller stream for live views, or allow more (uplink_kbps in the agent's settings).",
)
UNMEASURED: Final = {
    "watched": (
        "The site's line was not measured, because something is being sent from there.",
        "Check again when nobody watches.",
    ),
    "refused": ("The site's line was not measured: the gateway took nothing.", "Check again in a minute."),
    "lost": (
        "The site's line was not measured: the way to the gateway broke off, or hardly anything got through.",
        "Check again. If it stays so, the line is too slow for live views.",
    ),
    "unasked": (
        "The site's line was not measured: that is done a few times a day, while the gateway has room for it.",
        "Check again later.",
    ),
}
TROUBLES: Final = {
    "auth": (
        "%(camera)s refuses the agent's user name or password (RTSP).",
        "Correct them in the agent's settings, then restart the agent. Nothing is tried again until then, as cameras "
        "lock accounts.",
    ),
    "unreachable": (
        "%(camera)s does not answer the agent (RTSP).",
        "Look at its power, its network, and its address in the agent's settings.",
    ),
    "codec": (
        "%(camera)s sends what cannot be shown live: that takes H.264 without B-frames.",
        "Set its stream for live views so, or let the agent make the pictures anew (convert = true in its settings).",
    ),
    "late": (
        "%(camera)s answers the agent, and sent no whole picture within 12 seconds.",
        "Set its key-frame interval (GOP, I-frame interval) to 1 or 2 seconds.",
    ),
}
SLOW_TO_ANSWER: Final = (
    "%(camera)s takes %(opened)s of the %(first)s seconds to its first picture to answer at all.",
    "Look at the network between it and the agent, and at how many programs watch it already.",
)
LONG_GOP: Final = (
    "%(camera)s sends a whole picture only every %(seconds)s seconds: a live view of it may begin late.",
    "Set its key-frame interval (GOP, I-frame interval) to 1 or 2 seconds.",
)
LONG_GOP_FIRST: Final = (
    "%(camera)s sends a whole picture only every %(seconds)s seconds: its first one came after %(first)s.",
    "Set its key-frame interval (GOP, I-frame interval) to 1 or 2 seconds.",
)
LONG_GOP_LEAST: Final = (
    "%(camera)s sends a whole picture less often than every %(seconds)s seconds: its first one came after %(first)s.",
    "Set its key-frame interval (GOP, I-frame interval) to 1 or 2 seconds.",
)
FIRST: Final = "%(camera)s: H.264, the first picture after %(first)s seconds, %(opened)s of them until it answered."
AT_ONCE: Final = "%(camera)s: H.264, the first picture at once, as the agent has it open already."
CARRIES: Final = (
    "The site's line carries about %(carries)s Mbit/s to the agency: about %(count)s cameras at 1080p at the same time."
)
CARRIES_ONE: Final = "The site's line carries about %(carries)s Mbit/s to the agency: about one camera at 1080p."
ENOUGH: Final = "The site's line carries about %(carries)s Mbit/s to the agency, enough for all its cameras at once."
CARRIES_MUCH: Final = "The site's line carries %(carries)s Mbit/s or more to the agency."
CARRIES_BOUND: Final = "The site's line carries at least the %(carries)s Mbit/s that live views may take."
NEEDED: Final = "All cameras at once need %(needed)s Mbit/s of the site's line, once however many watch."
UDP_PASSES: Final = (
    "UDP gets out of the site's network to the agency's STUN server and back. Whether it reaches the media port "
    "the next live view shows."
)
NO_ROUTER: Final = "No router translates addresses between the site and the agency."
ORDINARY: Final = "The router keeps one port for one program (an ordinary NAT)."
SYMMETRIC: Final = "The router gives each connection another port (symmetric NAT). Live views pass it."
TLS_OPEN: Final = "The way by TLS is open, should UDP be blocked one day."
RIGHT_CLOCK: Final = "The clock of the agent's machine is right."
BY_SERVER: Final = "The last live view went by the TURN server."
STRAIGHT: Final = "The last live view went straight."
