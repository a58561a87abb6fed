"""Whether this machine's clock may decide windows and end dates, and when the agent sent each of its `fresh` values.

`clock_skew` (protocol 2): no synchronised source since boot, or more than 30 s behind the highest time the synchronised
clock has shown. It refuses grants and says how to clear it; it never stops a narrowing. Durations are always monotonic.
"""

import ctypes
import ctypes.util
from collections import OrderedDict
from typing import Final

from partner_agent.ports import TimeSync
from partner_agent.store import Store
from partner_agent.wire.clock import Clock, to_ms
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import CLOCK_SKEW_S, FRESH_AGE_S

_FRESH_BYTES: Final = 16
_MAX_FRESH: Final = 64  # at one per 3 s, far more than FRESH_AGE_S holds
_TIMEX_BYTES: Final = 208  # struct timex of Linux, 64 bit; `modes` = 0 only reads
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_HIGHEST: Final = "highest_synced_ms"


class KernelTimeSync:
    """Asks the Linux kernel (adjtimex(2)) whether a source keeps the clock."""

    def is_synced(self) -> bool:
        """True if the kernel says so; anything it cannot say is no."""
        name = ctypes.util.find_library("c")
        if name is None:
            return False
        libc = ctypes.CDLL(name)
        if not hasattr(libc, "adjtimex"):
            return False
        state = int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
        return 0 <= state < _TIME_ERROR


class UnsafeAlwaysSynced:
    """Believes the machine's clock whatever it says; the demo's choice, and the agent's page shows it."""

    def is_synced(self) -> bool:
        """Always."""
        return True


class ClockGuard:
    """Says whether wall time can be trusted, and remembers the highest it has been."""

    def __init__(self, *, clock: Clock, sync: TimeSync, store: Store) -> None:
        self._clock, self._sync, self._store = clock, sync, store
        self._has_synced = False  # since boot of the agent
        self._is_cleared = False

    def is_skewed(self) -> bool:
        """Whether grants must be refused with `clock_skew`."""
        now_ms = to_ms(self._clock.now())
        highest_ms = int(self._store.get(_HIGHEST) or 0)
        self._has_synced = self._has_synced or self._sync.is_synced()
        if now_ms < highest_ms - CLOCK_SKEW_S * 1000:
            return True
        if not self._has_synced and not self._is_cleared:
            return True
        if self._has_synced and now_ms > highest_ms + CLOCK_SKEW_S * 1000:
            self._store.put(_HIGHEST, str(now_ms))
        return False

    def clear(self) -> None:
        """The site says that the clock is right now; holds until the agent restarts."""
        self._is_cleared = True
        self._store.put(_HIGHEST, str(to_ms(self._clock.now())))


class FreshValues:
    """The random values of this link's heartbeats, each with the monotonic moment it was sent."""

    def __init__(self, *, clock: Clock, ids: IdSource) -> None:
        self._clock, self._ids = clock, ids
        self._sent: OrderedDict[str, float] = OrderedDict()

    def new(self) -> str:
        """A fresh value, sent now."""
        fresh = self._ids.secret(_FRESH_BYTES).hex()
        self._sent[fresh] = self._clock.monotonic()
        while len(self._sent) > _MAX_FRESH:
            self._sent.popitem(last=False)
        return fresh

    def sent_at(self, fresh: str) -> float | None:
        """When this link sent `fresh`; None if it did not, or too long ago."""
        sent = self._sent.get(fresh)
        if sent is None or self._clock.monotonic() - sent > FRESH_AGE_S:
            return None
        return sent

    def forget(self) -> None:
        """The link is gone, and every value with it."""
        self._sent.clear()
