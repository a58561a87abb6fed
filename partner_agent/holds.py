"""One widening at a time waits out its hold, while this machine itself tells the owner what it would share.

A hold follows an owner's touch and bounds what a lying page can win by it. It runs on the monotonic clock, so a wall
clock that jumps does not shorten it, and starts again when the agent does, so switching off and on does not either.
What is held is on disk; what may happen when it is over is decided by `policy_store`, which makes every check again.
"""

from collections.abc import Callable, Sequence
from typing import Final

from partner_agent.journal import Journal
from partner_agent.ports import OwnerNotice
from partner_agent.store import Store
from partner_agent.wire.clock import Clock
from policies.model import Policy
from policies.voice import Voice
from policies.words import say_change

MINUTE_S: Final = 60
_MARKS: Final = {"more": "+", "less": "-", "other": "*"}


class Holds:
    """The held proposal, if there is one."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        notice: OwnerNotice,
        hold_s: int,
        voice: Callable[[], Voice],
    ) -> None:
        """`hold_s`: the site's own setting; `voice`: the names in which the owner is told."""
        self._store, self._journal, self._clock, self._notice = store, journal, clock, notice
        self.voice, self.hold_s = voice, hold_s
        self._ends: float | None = None  # monotonic

    @property
    def current(self) -> tuple[str, float] | None:
        """The digest of the held proposal and the seconds its hold still runs."""
        rows = self._store.rows("SELECT sha256 FROM document WHERE role = 'held'")
        if not rows:
            self._ends = None
            return None
        if self._ends is None:  # the agent was restarted
            self._ends = self._clock.monotonic() + self.hold_s
        return str(rows[0]["sha256"]), max(0.0, self._ends - self._clock.monotonic())

    def begin(self, sha256: str, *, by: str, old: Policy | None, new: Policy) -> None:
        """Hold a proposal that the passkey `by` approved, and tell the owner."""
        with self._store.transaction() as db:
            db.execute("UPDATE document SET role = 'held' WHERE sha256 = ?", (sha256,))
            self._journal.add("policy_held", sha256=sha256, seconds=self.hold_s, by=by)
        self._ends = self._clock.monotonic() + self.hold_s
        self.tell(old, new)

    def tell(self, old: Policy | None, new: Policy) -> None:
        """Say what is held: in this machine's own words, by its own channels."""
        wait = "now" if self.hold_s < MINUTE_S else f"in {self.hold_s // MINUTE_S} minutes unless you say no"
        lines = changes(old, new, self.voice())
        self._notice.tell("policy_held", f"Approved with a passkey: this site shares more {wait}.", lines)


def changes(old: Policy | None, new: Policy, voice: Voice) -> Sequence[str]:
    """What would be shared more, less or otherwise, a line each."""
    return [f"{_MARKS[change.kind]} {change.sentence}" for change in say_change(old, new, voice)]
