"""What the log needs of the outside: rows of events, the tree in storage, and two signers."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.audit.model import Decision, Entry, LeafRef, Page, Query
from gateway.audit.tree import Growth, Tiles
from gateway.kernel.database import UnitOfWork


class CheckpointSigner(Protocol):
    """The log's key: signs checkpoints and nothing else."""

    @property
    def name(self) -> str:
        """The log's origin."""

    @property
    def vkey(self) -> str:
        """The public half as people pin it."""

    def sign_note(self, text: str) -> str:
        """The signed note over `text`."""


class PromiseSigner(Protocol):
    """The promise key."""

    def sign(self, claims: Mapping[str, object], /) -> str:
        """A compact `promise+jwt`."""


class LogHealth(Protocol):
    """Whether promises can be kept; the sequencer knows."""

    async def is_behind(self) -> bool:
        """Whether an event has waited for its number past the merge delay."""


class Publisher(Protocol):
    """Wake-ups for those who read along; may be lost."""

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell the listeners of `topic`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One event as it is stored."""

    ref: LeafRef
    kind: str
    at: datetime
    decision: Decision
    streams: frozenset[str]
    once: str


class EventStore(Protocol):
    """Events, their streams and their erasable details."""

    async def insert(self, unit: UnitOfWork, events: Sequence[NewEvent]) -> None:
        """Write events, at least one, into the caller's transaction.

        Raises:
            ConflictError: an event with the `once` of one of them is there already.
        """

    async def find(self, query: Query, *, before: str, limit: int) -> Page:
        """Entries that match, newest first, older than the cursor `before` (empty: from the newest)."""

    async def get(self, event_id: str, *, is_restricted_visible: bool, stream: str) -> Entry | None:
        """One entry, only if it is on `stream` (empty: any)."""

    async def erase(self, unit: UnitOfWork, event_id: str, fields: Sequence[str]) -> Sequence[str]:
        """Delete salts and values, and the streams they name; the fields that were there."""

    async def erase_on(self, unit: UnitOfWork, stream: str, fields: Sequence[str]) -> int:
        """Delete salts and values of these fields in every event on `stream`; how many."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that has no number yet."""

    event_id: str
    leaf: bytes
    position: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Head:
    """The last signed checkpoint."""

    size: int
    root: bytes
    note: str
    at: datetime


class Turn(Protocol):
    """One run of the sequencer: everything in it is one transaction, and nobody else has a turn meanwhile."""

    async def head(self) -> Head | None:
        """The last checkpoint; None before the first."""

    async def edge(self, size: int) -> Tiles:
        """The partial tiles of the tree of `size`."""

    async def pending(self, limit: int) -> Sequence[Pending]:
        """The next events, in the order they will have in the log; none that an older one could still precede."""

    async def stragglers(self, limit: int) -> Sequence[Pending]:
        """Events without a number that were passed over, which happens only when a database is moved (`moved`)."""

    async def save(self, growth: Growth, *, numbered: Sequence[tuple[Pending, bytes]], note: str, at: datetime) -> None:
        """Write leaf numbers (from the old size on), tiles, checkpoint and cursor, and make them durable."""


class TreeStore(Protocol):
    """The tree in storage."""

    def turn(self) -> AbstractAsyncContextManager[Turn | None]:
        """Take a turn; None if somebody else has it."""

    async def oldest_pending_at(self) -> datetime | None:
        """When the oldest event without a number was written.

        Raises:
            PreconditionError: the database was moved, so that its order cannot be trusted until it is adopted.
        """

    async def head(self, size: int | None = None) -> Head | None:
        """The checkpoint of `size`, or the last."""

    async def head_covering(self, index: int) -> Head | None:
        """The first checkpoint that has the leaf `index`."""

    async def index_of(self, leaf_hash: bytes) -> int | None:
        """The place of a leaf."""

    async def tiles(self, keys: Sequence[tuple[int, int]]) -> Tiles:
        """Those tiles that exist, as wide as they are now."""

    async def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """The leaf bytes [start, end)."""
