"""One viewer of a stream as the forwarding core knows it: by which numbers, until when, and how far it is. No I/O.

Whoever joins, or pleads, is owed the whole group of pictures that runs: a short one at once, a long one at a pace. What
it cannot have any more, because another group has begun, it is not sent. RFC 3550, RFC 3711 §3.3.1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from partner_agent.rtc.burst import Run
from partner_agent.rtc.pace import Pace
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.srtp import Protector

_RUNS: Final = 4  # of one viewer's numbers that are remembered: a replay a second, and the ring is two seconds long

Send = Callable[[list[bytes]], None]
SendRuns = Callable[[bytes, Sequence[Run]], None]


@dataclass(slots=True, eq=False)
class Viewer:
    """One egress leg.

    Attributes:
        session: whose view this is.
        payload_type: what this viewer's answer calls H.264.
        protector: encrypts for this viewer.
        send: hands datagrams to the socket; never waits.
        send_runs: the same for what was sealed in one sweep; None = every packet is sealed by itself.
        until: monotonic seconds at which forwarding stops; in the past = not admitted, or over.
        retransmitter: repeats packets for this viewer; None = it negotiated no RTX, and nothing is repeated.
        shift: this viewer's packet index minus the stream's.
        floor: the first number of the stream that goes out under this shift; what comes late before it is not sent.
        runs: (first index, shift) of each run of this viewer's indexes, the newest last.
        is_started: whether a key frame has gone out.
        owed: the stream's number that goes out next, while it catches up; None = it has what there is.
        pace: how fast it is sent what it is owed.
        packets, sent_bytes, first_at, last_at: the account.
    """

    session: str
    payload_type: int
    protector: Protector
    send: Send
    until: float = float("-inf")
    retransmitter: Retransmitter | None = None
    send_runs: SendRuns | None = None
    shift: int = 0
    floor: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)
    is_started: bool = False
    owed: int | None = None
    pace: Pace = field(default_factory=lambda: Pace(0.0))
    replayed_at: float = float("-inf")
    packets: int = 0
    sent_bytes: int = 0
    first_at: float | None = None
    last_at: float | None = None

    def begin(self, first: int, index: int, now: float) -> None:
        """It is owed the stream from number `first` on, which goes out as `index`."""
        self.is_started, self.replayed_at = True, now
        self.pace = Pace(now)
        self.skip_to(first, index)

    def skip_to(self, first: int, index: int) -> None:
        """From number `first` of the stream on, which it is owed, this viewer's indexes count from `index`."""
        self.shift, self.floor, self.owed = index - first, first, first
        self.runs = [*self.runs[1 - _RUNS :], (index, self.shift)]

    def next_index(self, newest: int) -> int:
        """What goes out next goes out as this; `newest` is the stream's newest number."""
        return (newest + 1 if self.owed is None else self.owed) + self.shift

    def number(self, index: int) -> int | None:
        """The stream's number of what went out to this viewer as `index`; None if that is no longer known."""
        for first, shift in reversed(self.runs):
            if index >= first:
                return index - shift
        return None
