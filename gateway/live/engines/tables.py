"""What the gate remembers of calls and admissions. No behaviour but waking who waits."""

from dataclasses import dataclass, field

import anyio

from gateway.live.engines.ports import Passed
from gateway.live.relay.silence import Attention


@dataclass(slots=True, eq=False)
class Way:
    """The ICE session of a call.

    Attributes:
        mid: of the caller's video section.
        peer: the caller's user fragment.
        tag: the strong entity-tag, by the user fragment that our answer gave.
        restarted_at: monotonic seconds.
    """

    mid: str
    peer: str
    tag: str
    restarted_at: float = float("-inf")


@dataclass(slots=True, eq=False)
class Uplink:
    """One publisher's call.

    Attributes:
        since: monotonic seconds at which the server took it.
    """

    publication: str
    fingerprint: str
    resource: str
    leg_id: str
    way: Way
    since: float
    is_up: bool = False
    passed: Passed = field(default_factory=Passed)


@dataclass(slots=True, eq=False)
class View:
    """One viewer's call, held or forwarded.

    Attributes:
        leg_id: empty while it is held.
        way: None while it is held.
        since: monotonic seconds at which the server took it.
        started_at: monotonic seconds at which media could flow.
        passed_at: monotonic seconds at which more had passed than before; None where the server does not count.
        is_told: whether it was told that they do.
        attention: what was heard of a viewer who says that they are there; None for one who never did.
    """

    session: str
    resource: str
    changed: anyio.Event = field(default_factory=anyio.Event)
    uplink: Uplink | None = None
    leg_id: str = ""
    way: Way | None = None
    since: float = 0.0
    started_at: float | None = None
    passed_at: float | None = None
    is_told: bool = False
    attention: Attention | None = None
    passed: Passed = field(default_factory=Passed)

    @property
    def is_up(self) -> bool:
        """Whether media could flow already."""
        return self.started_at is not None

    def wake(self) -> None:
        """Something changed that it may wait for."""
        self.changed.set()
        self.changed = anyio.Event()
