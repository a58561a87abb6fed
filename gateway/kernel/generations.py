"""Generations: counters that say that something decisions stand on was changed, and what.

They go up in the transaction of the change, as its last statements, so that whoever reads them afterwards reads the
change too. The scope `platform` goes up each time, and every other counter carries the `platform` of its last change:
one query finds all that changed. Its row stays locked until the commit, so a smaller stamp is never committed later.
Listeners are woken with the commit: here by the database object, elsewhere by PostgreSQL's NOTIFY.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

PLATFORM: Final = "platform"
AGREEMENT: Final = "agreement"  # the scope of what the agency offers every organisation
ORDINANCE: Final = "ordinance"  # of the pack that every decision stands on
CHANNEL: Final = "lenspact_generations"  # of NOTIFY; what it says is the new generation of `platform`
TOPIC: Final = "generations"  # of the signal inside one process

_RAISE_PLATFORM: Final = text(
    "INSERT INTO sharing_generation (scope, counter, stamp) VALUES ('platform', 1, 1) "
    "ON CONFLICT (scope) DO UPDATE SET counter = sharing_generation.counter + 1, "
    "stamp = sharing_generation.counter + 1 RETURNING counter"
)
_RAISE: Final = text(
    "INSERT INTO sharing_generation (scope, counter, stamp) VALUES (:scope, 1, :stamp) "
    "ON CONFLICT (scope) DO UPDATE SET counter = sharing_generation.counter + 1, stamp = :stamp"
)
_NOTIFY: Final = text("SELECT pg_notify(:channel, :stamp)")
_READ: Final = text("SELECT scope, counter FROM sharing_generation WHERE scope = 'platform' OR stamp > :seen")


@dataclass(frozen=True, slots=True)
class Reading:
    """The generations as they are.

    Attributes:
        platform: of everything; 0 before the first change.
        changed: the scopes that went up since the generation that was asked for.
    """

    platform: int
    changed: frozenset[str]


class Raised:
    """The last generation of `platform` that this process committed."""

    def __init__(self) -> None:
        self.stamp = 0

    def to(self, stamp: int) -> None:
        """A commit raised it to this; 0 for one that did not."""
        self.stamp = max(self.stamp, stamp)


async def count_up(session: AsyncSession, scopes: Iterable[str], *, tells_others: bool) -> int:
    """Raise these scopes and `platform`, in the session's transaction, right before its commit.

    Args:
        session: holds the transaction.
        scopes: what changed.
        tells_others: whether the database can wake other processes.

    Returns:
        The new generation of `platform`.
    """
    stamp = int((await session.execute(_RAISE_PLATFORM)).scalar_one())
    for scope in sorted(scopes):
        await session.execute(_RAISE, {"scope": scope, "stamp": stamp})
    if tells_others:
        await session.execute(_NOTIFY, {"channel": CHANNEL, "stamp": str(stamp)})
    return stamp


async def read_since(connection: AsyncConnection, seen: int) -> Reading:
    """The generation of `platform`, and what changed after it was `seen`: one query."""
    found = {row.scope: int(row.counter) for row in await connection.execute(_READ, {"seen": seen})}
    return Reading(found.pop(PLATFORM, 0), frozenset(found))
