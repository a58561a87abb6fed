"""PATCH of a call in the relay: candidates found later, and ICE restarts, under entity-tags (RFC 9725 §4.3).

The tag names the ICE session of a call, by the user fragment that our SDP gave it. Candidates are read and not
dialled, like those of an offer: whoever has a ticket could otherwise make the relay send to any address. A restart
changes the way of the packets and nothing else: DTLS, keys, numbers, admission and lease stay as they are.
"""

import logging
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.abc

from gateway.live.relay.offers import ANY, RESTART_PERIOD_S, CallRefusedError
from gateway.live.relay.peers import CONNECT_S
from gateway.live.relay.tables import Call, Stream, Tables
from partner_agent.rtc import fragment
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.hooks import Leg, LegFailedError
from partner_agent.rtc.ice import IceSession
from partner_agent.rtc.mux import PortFullError
from partner_agent.rtc.sdp import SdpError
from partner_agent.wire.clock import Clock

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patched:
    """What is answered to a patch that was taken.

    Attributes:
        sdp: our side of the new ICE session; empty where candidates were added.
        tag: the new ICE session's; empty where there is none.
    """

    sdp: str = ""
    tag: str = ""


class Patches:
    """Takes patches for the calls in `tables`."""

    def __init__(self, *, tables: Tables, tasks: anyio.abc.TaskGroup, clock: Clock) -> None:
        self._tables, self._tasks, self._clock = tables, tasks, clock

    def tag(self, subject: str, resource: str) -> str:
        """The entity-tag of a call's ICE session; empty when there is no such call."""
        found = self._find(subject, resource)
        return tag_of(found.leg) if found is not None and found.leg is not None else ""

    def take(self, subject: str, resource: str, tags: list[str], text: str) -> Patched:
        """Add candidates, or begin an ICE restart.

        Args:
            subject: the publication or session.
            resource: the name of the call, known to its caller alone.
            tags: of `If-Match`, strong ones in their quotes, or `*`; empty when there was no such header.
            text: the fragment.

        Raises:
            CallRefusedError: 404 no such call; 428 no tag; 412 another ICE session; 400 not readable; 409 nothing to
                restart yet; 429 too often; 503 no room.
        """
        found = self._find(subject, resource)
        if found is None or found.leg is None:
            raise CallRefusedError(404)
        if not tags:
            raise CallRefusedError(428)
        if ANY not in tags and tag_of(found.leg) not in tags:
            raise CallRefusedError(412)
        try:
            said = fragment.parse(text)
        except SdpError as error:
            raise CallRefusedError(400) from error
        if said.user_fragment in ("", found.leg.ice.peer_fragment):
            return Patched()
        return self._restart(found, found.leg, said)

    def _find(self, subject: str, resource: str) -> Call | Stream | None:
        for found in (self._tables.calls.get(subject), self._tables.streams.get(subject)):
            if found is not None and found.leg is not None and found.resource == resource:
                return found
        return None

    def _restart(self, found: Call | Stream, leg: Leg, said: Fragment) -> Patched:
        """RFC 9725 §4.3.3: another user fragment asks for a restart, whatever the tag."""
        now = self._clock.monotonic()
        if now - found.restarted_at < RESTART_PERIOD_S:
            raise CallRefusedError(429)
        try:
            session = leg.restart(said.user_fragment)
        except LegFailedError as error:
            raise CallRefusedError(409) from error
        except PortFullError as error:
            raise CallRefusedError(503) from error
        found.restarted_at = now
        if isinstance(found, Call):
            found.attention.begin(now)  # its reports come back with its way
        self._tasks.start_soon(_follow, leg, session, said.password)
        mine = Fragment(session.user_fragment, session.password, leg.candidates, is_last=True)
        return Patched(fragment.write(mine, mid=found.mid), tag_of(leg))


def tag_of(leg: Leg) -> str:
    """The strong entity-tag of a leg's ICE session (RFC 9110 §8.8.3)."""
    return f'"{leg.user_fragment}"'


async def _follow(leg: Leg, session: IceSession, password: str) -> None:
    """Go on by the new way within `CONNECT_S`; without one the former stays until its consent runs out."""
    try:
        with anyio.fail_after(CONNECT_S):
            await leg.follow(session, password)
    except (LegFailedError, TimeoutError):
        return
    except Exception:  # noqa: BLE001 -- supervisor of one peer: what it provokes must not end the others' streams
        _LOG.warning("a peer's ICE restart failed in an unforeseen way", exc_info=True)
