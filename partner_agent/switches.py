"""The site's own switches: pause, panic, quarantine. All durable, none of them reachable by the gateway but `pause`.

Pause may come from anywhere and is ended on site only. Panic is an input of the site and ends by itself. Quarantine is
entered by the agent when an epoch jumps and is cleared on site only, which starts a new lineage (policy_store).
"""

import json
from datetime import datetime, timedelta
from typing import Final

from partner_agent.journal import Journal
from partner_agent.store import Store
from partner_agent.wire.clock import Clock, from_ms, to_ms

_PAUSED: Final = "paused"  # JSON list of camera ids; "*" is the whole site
_PANIC: Final = "panic_until_ms"
_QUARANTINE: Final = "quarantine"
EVERYTHING: Final = "*"


class Switches:
    """What is switched at this site."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock) -> None:
        self._store, self._journal, self._clock = store, journal, clock

    def is_paused(self, camera: str | None = None) -> bool:
        """Whether the site, or this camera, is paused."""
        paused = self._paused()
        return EVERYTHING in paused or (camera is not None and camera in paused)

    def pause(self, camera: str | None, *, by: str) -> None:
        """Pause the site or one camera."""
        what = camera or EVERYTHING
        with self._store.transaction():
            self._store.put(_PAUSED, json.dumps(sorted({*self._paused(), what})))
            self._journal.add("pause", camera=what, by=by)

    def resume(self, camera: str | None = None) -> None:
        """End a pause; without a camera, every pause. The caller has checked the PIN."""
        left = self._paused() - {camera} if camera else set()
        with self._store.transaction():
            self._store.put(_PAUSED, json.dumps(sorted(left)))
            self._journal.add("resume", camera=camera or EVERYTHING)

    @property
    def panic_until(self) -> datetime | None:
        """Until when panic holds; None when it does not."""
        until_ms = int(self._store.get(_PANIC) or 0)
        return from_ms(until_ms) if until_ms > to_ms(self._clock.now()) else None

    def panic(self, duration_s: int) -> None:
        """The site's own panic input was pressed; zero ends it."""
        until = self._clock.now() + timedelta(seconds=duration_s)
        with self._store.transaction():
            self._store.put(_PANIC, str(to_ms(until)))
            self._journal.add("panic" if duration_s else "panic_over", seconds=duration_s)

    @property
    def is_quarantined(self) -> bool:
        """Whether the agent may have been copied or reset."""
        return self._store.get(_QUARANTINE) is not None

    def quarantine(self, why: str) -> None:
        """Enter quarantine."""
        with self._store.transaction():
            self._store.put(_QUARANTINE, why)
            self._journal.add("quarantine", why=why)

    def clear_quarantine(self) -> None:
        """The site clears it; the caller starts a new lineage in the same transaction."""
        with self._store.transaction():
            self._store.put(_QUARANTINE, None)
            self._journal.add("quarantine_cleared")

    def _paused(self) -> set[str]:
        return set(json.loads(self._store.get(_PAUSED) or "[]"))
