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
        until: when forwarding stops; monotonic seconds.
        sound: whether sound is forwarded too.
    """

    publication: str
    fingerprint: str
    horizon: float
    until: float
    sound: bool = False

    def lease(self, now: float) -> None:
        """The gateway named it just now."""
        self.until = min(now + LEASE_VALID_S, self.horizon)

    def over(self, now: float, anew_s: float = ANEW_S) -> EndReason | None:
        """Why it is over; None while it is not."""
        if now >= self.horizon + anew_s:
            return "horizon"
        return "lease" if self.until <= now < self.horizon else None


def admitted(publication: str, fingerprint: str, now: float, valid_s: float, *, sound: bool = False) -> Admission:
    """An admission of this moment, which is its first lease, up to a horizon in so many seconds."""
    admission = Admission(publication, fingerprint, now + valid_s, now, sound)
    admission.lease(now)
    return admission


def over_by(reason: EndReason, admissions: Mapping[str, Admission], now: float) -> list[str]:
    """Which of a media server's sessions are over for that reason."""
    return [session for session, entry in admissions.items() if entry.over(now, ANEW_SHOWN_S) == reason]
