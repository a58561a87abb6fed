"""The sequencer: gives committed events their numbers, grows the tree and signs its head, all in one transaction.

One at a time, whichever process it runs in. It reads only events that no earlier one can still precede, so an event is
numbered exactly once and never skipped, whatever is killed when. If it falls behind the promised merge delay,
`is_behind` says so and nobody gets new video.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from gateway.audit.ports import CheckpointSigner, Head, Pending, Publisher, TreeStore, Turn
from gateway.audit.tree import Growth, edge_of, grow, root_of
from gateway.kernel.errors import PreconditionError
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import MAX_MERGE_DELAY_S, MERGE_DELAY_ALARM_S
from partner_agent.wire.notes import Checkpoint
from partner_agent.wire.proofs import EMPTY_ROOT, ProofError, leaf_hash

BATCH: Final = 4_096  # leaves of one checkpoint: bounds one transaction to well under a second
GATHER_S: Final = 0.25  # an act and what follows at once, as a view and its start, share a transaction and a checkpoint
PERIOD_S: Final = 1.0  # how long a wake-up may be lost before it is noticed
WATCH_S: Final = 5.0  # how often the lag is looked at
SIGNED_TOPIC: Final = "log.signed"  # a new checkpoint, its size as `ref`
RETRY_S: Final = 1.0  # after a failure; the lag shows it

_log = logging.getLogger(__name__)


class Wakeups(Protocol):
    """News that there is work."""

    async def get(self) -> object:
        """The next; waits for it."""

    def clear(self) -> None:
        """Forget the others that wait."""


@dataclass(frozen=True, slots=True)
class LogStatus:
    """How the log is doing.

    Attributes:
        size: leaves in the last signed checkpoint.
        lag_s: age of the oldest event that has no number; 0 if there is none.
    """

    size: int
    lag_s: float

    @property
    def is_alarming(self) -> bool:
        """Ten seconds behind: somebody should look."""
        return self.lag_s >= MERGE_DELAY_ALARM_S

    @property
    def is_behind(self) -> bool:
        """Past the merge delay that promises name: no new video."""
        return self.lag_s >= MAX_MERGE_DELAY_S


class Sequencer:
    """Numbers events and signs checkpoints."""

    def __init__(self, *, tree: TreeStore, signer: CheckpointSigner, bus: Publisher, clock: Clock) -> None:
        self._tree = tree
        self._signer = signer
        self._bus = bus
        self._clock = clock
        self._is_alarmed = False
        self._watched_at = -math.inf

    async def run_once(self) -> int:
        """Number what can be numbered, at most `BATCH`; how many, 0 also if another process has the turn.

        Raises:
            PreconditionError: what is stored is not the tree that was last signed, or was moved; nothing is signed.
        """
        if await self._tree.oldest_pending_at() is None and await self._tree.head() is not None:
            return 0
        return await self._extend(lambda turn: turn.pending(BATCH))

    async def number_stragglers(self) -> int:
        """Number the events that were passed over before the database was adopted; see `moved`."""
        total = 0
        while count := await self._extend(lambda turn: turn.stragglers(BATCH)):
            total += count
        return total

    async def _extend(self, read: Callable[[Turn], Awaitable[Sequence[Pending]]]) -> int:
        async with self._tree.turn() as turn:
            if turn is None:
                return 0
            head = await turn.head()
            pending = await read(turn)
            if not pending and head is not None:
                return 0
            size, edge = await _verified(turn, head)
            numbered = [(event, leaf_hash(event.leaf)) for event in pending]
            growth = grow(size, edge, [value for _, value in numbered])
            await turn.save(growth, numbered=numbered, note=self._sign(growth), at=self._clock.now())
        self._bus.publish(SIGNED_TOPIC, str(growth.size))
        return len(numbered)

    async def drain(self) -> int:
        """Run until nothing is left that can be numbered now; how many it was."""
        total = 0
        while count := await self.run_once():
            total += count
        return total

    async def run(self, listen: Callable[[], AbstractContextManager[Wakeups]]) -> None:
        """Run for ever: soon after news, and every `PERIOD_S` without. A failure is logged and tried again."""
        with listen() as wakeups:
            while True:
                try:
                    while await self.run_once():  # more may come as fast as it is numbered: the lag is looked at anyway
                        await self._watch_in_time()
                    await self._watch_in_time()
                except Exception:  # noqa: BLE001  # the supervisor: `is_behind` closes the gateway if this goes on
                    _log.exception("the log could not be extended; trying again in %s s", RETRY_S)
                    await self._clock.sleep(RETRY_S)
                    continue
                with anyio.move_on_after(PERIOD_S) as waiting:
                    await wakeups.get()
                if not waiting.cancelled_caught:
                    await anyio.sleep(GATHER_S)
                    wakeups.clear()

    async def status(self) -> LogStatus:
        """Size and lag, measured now."""
        head = await self._tree.head()
        oldest = await self._tree.oldest_pending_at()
        lag_s = 0.0 if oldest is None else max(0.0, (self._clock.now() - oldest).total_seconds())
        return LogStatus(size=head.size if head else 0, lag_s=lag_s)

    async def is_behind(self) -> bool:
        """Whether promises cannot be kept now: an event has waited past the merge delay, or the log has stopped."""
        try:
            return (await self.status()).is_behind
        except PreconditionError:
            return True

    async def _watch_in_time(self) -> None:
        if self._clock.monotonic() - self._watched_at >= WATCH_S:
            self._watched_at = self._clock.monotonic()
            await self._watch()

    async def _watch(self) -> None:
        """Say once that the log falls behind, and once that it has caught up."""
        status = await self.status()
        if status.is_alarming and not self._is_alarmed:
            _log.error("the log is %.0f s behind: is a transaction stuck?", status.lag_s)
        elif self._is_alarmed and not status.is_alarming:
            _log.warning("the log has caught up")
        self._is_alarmed = status.is_alarming

    def _sign(self, growth: Growth) -> str:
        return self._signer.sign_note(Checkpoint(self._signer.name, growth.size, growth.root).text)


async def _verified(turn: Turn, head: Head | None) -> tuple[int, dict[tuple[int, int], bytes]]:
    """Size and edge of the stored tree, which must be the one last signed."""
    size, root = (head.size, head.root) if head else (0, EMPTY_ROOT)
    edge = await turn.edge(size) if edge_of(size) else {}
    try:
        found = root_of(size, edge)
    except ProofError as error:
        raise PreconditionError("A tile of the log is missing: restore the database, nothing is signed.") from error
    if found != root:
        raise PreconditionError("The stored log is not the one last signed: restore the database, nothing is signed.")
    return size, edge
