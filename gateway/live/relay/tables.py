"""What a relay remembers: streams, calls, admissions, and which sessions are over. Bounded; no behaviour."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.live.relay.admission import Admission
from gateway.live.relay.ended import Ended
from gateway.live.relay.quality import Quality
from gateway.live.relay.silence import Attention
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.group import ROOM_BYTES
from partner_agent.rtc.hooks import Leg
from partner_agent.rtc.listening import Listening
from partner_agent.rtc.reception import Reception
from partner_agent.rtc.room import Room
from partner_agent.rtc.sdp_sound import Sound

MAX_STREAMS: Final = 500


@dataclass(slots=True, eq=False)
class Stream:
    """One publication: its fan-out, and its ingest when there is one.

    Attributes:
        mid: what the present ingest calls its video section.
        restarted_at: of its last ICE restart, monotonic seconds.
        reception: what the present ingest's packets say of their way.
        joining: sessions that are attached and still wait for their first packet.
        listening: its sound, and who hears it.
    """

    publication: str
    fanout: FanOut
    listening: Listening
    leg: Leg | None = None
    resource: str = ""
    fingerprint: str = ""
    mid: str = ""
    restarted_at: float = float("-inf")
    asked_at: float = float("-inf")
    reception: Reception = field(default_factory=Reception)
    joining: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Call:
    """One viewer's connection, admitted or not.

    Attributes:
        rtx_payload_type: what it calls a retransmission; 0 = it takes none.
        since: monotonic seconds of its offer.
        attention: whether it still reads, once packets flow.
        is_asked: whether an ICE check that asks it is on its way.
        is_told: whether the gateway knows that packets flow.
        mid: what it calls the video section.
        restarted_at: of its last ICE restart, monotonic seconds.
        quality: what its reports say.
        sound: what it took of sound; None = none.
    """

    session: str
    leg: Leg
    resource: str
    payload_type: int
    rtx_payload_type: int
    since: float
    attention: Attention = field(default_factory=Attention)
    is_asked: bool = False
    is_open: bool = False
    is_told: bool = False
    mid: str = ""
    restarted_at: float = float("-inf")
    quality: Quality = field(default_factory=Quality)
    sound: Sound | None = None


@dataclass(slots=True)
class Tables:
    """Everything by its name.

    Attributes:
        room: for the groups of pictures of all streams.
    """

    streams: dict[str, Stream] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    admissions: dict[str, Admission] = field(default_factory=dict)
    room: Room = field(default_factory=lambda: Room(ROOM_BYTES))
    ended: Ended = field(default_factory=Ended)

    def admitted_to(self, publication: str) -> Iterator[str]:
        """The sessions that may see a publication."""
        return (session for session, entry in self.admissions.items() if entry.publication == publication)

    def figures(self) -> dict[str, int]:
        """How much is there; `received_packets` are those of the publications there are, decrypted."""
        streams = self.streams.values()
        return {
            "publications": sum(stream.leg is not None for stream in streams),
            "received_packets": sum(stream.fanout.packets for stream in streams),
            "viewers": sum(len(stream.fanout.viewers) for stream in streams),
            "calls": len(self.calls),
            "admissions": len(self.admissions),
            "kept_bytes": self.room.held_bytes,
            "groups_given_up": self.room.given_up,
        }
