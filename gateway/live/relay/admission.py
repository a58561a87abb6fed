"""What a gateway allows one session, and when that is over.

Forwarding stops at `until`: at the end of the lease, and never later than the horizon. A session whose lease ran out is
over. One at its horizon waits for its gateway, which decides again at that moment; without a new admission within
`ANEW_S` it is over too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.live.relay.protocol import EndReason
from partner_agent.wire.limits import LEASE_VALID_S

ANEW_S: Final = 10.0  # many views may reach their horizon in one moment; nothing is forwarded meanwhile
ANEW_SHOWN_S: Final = 2.0  # the same of a media server of others, which goes on showing the picture


@dataclass(slots=True, eq=False)
class Admission:
    """This publication, by this publisher.

    Attributes:
        horizon: when the answer may be another one; monotonic seconds.
        leased: when the lease ends; monotonic seconds.
        sound: whether sound is forwarded too.
    """

    publication: str
    fingerprint: str
    horizon: float
    leased: float
    sound: bool = False

    @property
    def until(self) -> float:
        """When forwarding stops; monotonic seconds."""
        return min(self.leased, self.horizon)

    def lease(self, now: float) -> None:
        """The gateway named it just now."""
        self.leased = now + LEASE_VALID_S

    def over(self, now: float, anew_s: float = ANEW_S) -> EndReason | None:
        """Why it is over; None while it is not."""
        if now >= self.leased:
            return "lease"
        return "horizon" if now >= self.horizon + anew_s else None


def admitted(publication: str, fingerprint: str, now: float, valid_s: float, *, sound: bool = False) -> Admission:
    """An admission of this moment, which is its first lease, up to a horizon in so many seconds."""
    return Admission(publication, fingerprint, now + valid_s, now + LEASE_VALID_S, sound)


def over_by(reason: EndReason, admissions: Mapping[str, Admission], now: float) -> list[str]:
    """Which of a media server's sessions are over for that reason."""
    return [session for session, entry in admissions.items() if entry.over(now, ANEW_SHOWN_S) == reason]
