"""Whether this process knows how things stand: the generations of everything decisions are made from, looked at anew.

Every process looks when it is told of a change, and every `RECHECK_S` without being told, for news may be lost. One
that has not seen the generations for `UNCONFIRMED_S` permits nothing: it may have missed that somebody took something
back. Taking access away needs no confirmation. Age is counted on both clocks: one that was set, or a machine that was
asleep, costs a look and permits nothing. A generation lower than one seen before (a database that was restored) means
that everything may have changed. An ordinance pack is taken over before its generation counts as seen; while it cannot
be, nothing is confirmed.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Final, Protocol

import anyio

from gateway.kernel.errors import LenspactError, UnavailableError
from gateway.kernel.generations import ORDINANCE, Reading
from partner_agent.wire.clock import Clock
from policies.fields import PolicyError

RECHECK_S: Final = 0.25
UNCONFIRMED_S: Final = 1.0
LOOK_S: Final = 0.5  # how long one look may take
MAX_WAITING: Final = 10_000  # scopes that nobody has taken yet; with more, everything has changed
MAX_KEPT: Final = 100_000  # scopes whose last change is remembered, about 15 MB
EVERYTHING: Final = "*"
NEVER: Final = -1

_log = logging.getLogger("lenspact.sharing")
_UNCONFIRMED: Final = (
    "This gateway cannot see whether anything was taken back, so nothing new is shown. Try again in a moment."
)


class Generations(Protocol):
    """The counters: `kernel.Database`."""

    async def generations_since(self, seen: int) -> Reading:
        """What changed since then.

        Raises:
            UnavailableError: the counters cannot be read.
        """

    @property
    def own_generation(self) -> int:
        """The last generation that this process raised itself."""

    def generation_news(self) -> AbstractContextManager["News"]:
        """Wakes with every change that this process hears of, which may not be all of them."""


class News(Protocol):
    """Wake-ups."""

    async def get(self) -> object:
        """The next; waits for it."""

    def clear(self) -> None:
        """Forget the others that wait."""


class Changes:
    """What changed and was not looked into yet, for one who follows. Equal scopes are one."""

    def __init__(self) -> None:
        self._scopes: set[str] = set()
        self._event = anyio.Event()

    def put(self, scopes: frozenset[str]) -> None:
        """These changed."""
        self._scopes |= scopes
        if len(self._scopes) > MAX_WAITING:
            self._scopes = {EVERYTHING}
        if self._scopes:
            self._event.set()

    async def get(self) -> frozenset[str]:
        """Everything that changed since the last time; waits for something. `EVERYTHING` means just that."""
        await self._event.wait()
        self._event = anyio.Event()
        found, self._scopes = frozenset(self._scopes), set()
        return found


class Freshness:
    """Knows the generation this process has seen, when it saw it, and who wants to hear of changes."""

    def __init__(
        self, *, generations: Generations, clock: Clock, take_over: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`take_over`: has this process decide by the ordinance pack as it is stored now (`in_force.InForce`)."""
        self._generations = generations
        self._clock = clock
        self._take_over = take_over
        self._seen = NEVER
        self._confirmed_at: tuple[float, datetime] | None = None
        self._has_told = False
        self._failures = 0  # looks that failed since one did not
        self._changed_at: dict[str, int] = {}
        self._all_changed_at = NEVER
        self._looking = anyio.Lock()
        self._followers: list[Changes] = []

    @property
    def stamp(self) -> int:
        """The generation of everything that this process has seen; it is another one whenever anything changed."""
        return self._seen

    @property
    def is_confirmed(self) -> bool:
        """Whether this process knows how things stood within the last second."""
        if self._confirmed_at is None:
            return False
        monotonic_s, wall = self._confirmed_at
        ages_s = (self._clock.monotonic() - monotonic_s, abs((self._clock.now() - wall).total_seconds()))
        return max(ages_s) < UNCONFIRMED_S

    def changed_at(self, *scopes: str) -> int:
        """The generation of everything at which this process saw any of these change last, or a later one."""
        return max(self._all_changed_at, *(self._changed_at.get(scope, NEVER) for scope in scopes))

    async def catch_up(self) -> None:
        """See what this process itself committed, and whatever else a young look would; failing is for `demand`."""
        if not self.is_confirmed or self._generations.own_generation > self._seen:
            await self._try_to_look()

    async def demand(self) -> None:
        """Be confirmed, by looking once more if need be; asked before anything is permitted.

        Raises:
            UnavailableError: the generations cannot be seen; nothing may be permitted here.
        """
        if not self.is_confirmed:
            await self._try_to_look()
        if not self.is_confirmed:
            raise UnavailableError(_UNCONFIRMED)

    async def look(self) -> None:
        """Read the generations, and tell the followers what changed.

        Raises:
            UnavailableError: they cannot be read. Whatever keeps the ordinance pack from being taken over is raised.
        """
        async with self._looking:
            asked_at = self._clock.monotonic(), self._clock.now()
            reading = await self._generations.generations_since(self._seen)
            changed = reading.changed
            if not NEVER < self._seen <= reading.platform:
                changed = frozenset({EVERYTHING})
            await self._follow_law(changed)
            self._seen, self._confirmed_at = reading.platform, asked_at
            self._keep(changed)
        self._tell(changed)

    def _tell(self, changed: frozenset[str]) -> None:
        for follower in self._followers:
            follower.put(changed)

    async def _follow_law(self, changed: frozenset[str]) -> None:
        """Take another pack over; who knows of one and does not have it is not confirmed from that moment on."""
        if self._take_over is None or changed.isdisjoint({ORDINANCE, EVERYTHING}):
            return
        confirmed_at, self._confirmed_at = self._confirmed_at, None
        try:
            await self._take_over()
        except PolicyError:  # for as long as it takes: what runs may be forbidden by it, and ends
            self._tell(frozenset({EVERYTHING}))
            raise
        self._confirmed_at = confirmed_at

    def _keep(self, changed: frozenset[str]) -> None:
        """Remember when these changed; too many are as good as everything."""
        self._changed_at |= dict.fromkeys(changed, self._seen)
        if EVERYTHING in changed or len(self._changed_at) > MAX_KEPT:
            self._changed_at, self._all_changed_at = {}, self._seen

    @contextmanager
    def changes(self) -> Iterator[Changes]:
        """Hear of changes while inside the block."""
        changes = Changes()
        self._followers.append(changes)
        try:
            yield changes
        finally:
            self._followers.remove(changes)

    async def run(self) -> None:
        """Look for ever: when told, and every `RECHECK_S` without."""
        with self._generations.generation_news() as news:
            while True:
                news.clear()
                await self._try_to_look()
                with anyio.move_on_after(RECHECK_S):
                    await news.get()

    async def _try_to_look(self) -> None:
        """Look; what goes wrong shows in the age of the last confirmation, and is said once."""
        try:
            with anyio.fail_after(LOOK_S):
                await self.look()
        except (LenspactError, TimeoutError) as error:
            cause = type(error).__name__
        except Exception as error:  # noqa: BLE001  # whatever keeps it from looking: it permits nothing meanwhile
            cause = repr(error)
        else:
            cause = ""
        self._say(cause)

    def _say(self, cause: str) -> None:
        """The first failure alone is none to call somebody for: a process that has just started is busy with that."""
        self._failures = self._failures + 1 if cause else 0
        if self._failures > 1 and not self.is_confirmed and not self._has_told:
            self._has_told = True
            _log.error("how things stand cannot be seen (%s): nothing is permitted until it is", cause)
        elif not cause and self._has_told:
            self._has_told = False
            _log.warning("how things stand is seen again")
