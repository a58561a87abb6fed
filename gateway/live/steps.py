"""Writes the steps of sessions, each with its leaf; those that wait are written in one transaction.

While one transaction is under way the next steps gather, so nine pictures that start at once cost two transactions
and not nine. Where the shared one fails, each is tried alone: what is wrong with one is not the others' concern.
"""

from dataclasses import dataclass, field

import anyio
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog, LeafDraft
from gateway.kernel.database import Database
from gateway.kernel.errors import LenspactError
from gateway.live.model import Change
from gateway.live.ports import SessionStore


@dataclass(eq=False)
class Step:
    """One change of one session and what the log says of it.

    Attributes:
        is_taken: whether the session was in a state from which the step is allowed; None while it waits.
    """

    session_id: str
    change: Change
    leaf: LeafDraft
    is_taken: bool | None = field(default=None, init=False)


class Steps:
    """Gathers and writes."""

    def __init__(self, *, database: Database, store: SessionStore, audit: AuditLog) -> None:
        self._database, self._store, self._audit = database, store, audit
        self._waiting: list[Step] = []
        self._writing = anyio.Lock()

    async def take(self, step: Step) -> bool:
        """Write a step; False when the session is past it, and nothing was written."""
        self._waiting.append(step)
        try:
            async with self._writing:
                if step.is_taken is None:
                    await self._write(step)
        finally:
            if step in self._waiting:
                self._waiting.remove(step)
        return bool(step.is_taken)

    async def _write(self, mine: Step) -> None:
        """Write all that wait; the others' stay waiting if it fails."""
        steps = list(self._waiting)
        try:
            await self._commit(steps)
        except (LenspactError, SQLAlchemyError, OSError):
            if len(steps) == 1:
                raise
            await self._commit([mine])

    async def _commit(self, steps: list[Step]) -> None:
        async with self._database.unit_of_work() as unit:
            taken = [await self._store.change(unit, step.session_id, step.change) for step in steps]
            await self._audit.append_all(
                unit, [step.leaf for step, is_taken in zip(steps, taken, strict=True) if is_taken]
            )
            if any(taken):
                await unit.commit()
        for step, is_taken in zip(steps, taken, strict=True):
            step.is_taken = is_taken
        self._waiting = [step for step in self._waiting if step.is_taken is None]
