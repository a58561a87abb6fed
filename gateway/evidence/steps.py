"""One step of a request: the table allows it, the row has not moved, and the log says so in the same transaction."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from gateway.audit import AuditLog, Decision, Json, Kind
from gateway.evidence.leaves import leaf
from gateway.evidence.model import ClipRequest, ClipState, can_become
from gateway.evidence.ports import EvidenceStore
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from partner_agent.wire.clock import Clock

TRIES: Final = 4  # a request has a site, an owner and a timer as its hands


class Steps:
    """Takes requests from state to state.

    Attributes:
        database: where they are.
    """

    def __init__(self, *, database: Database, store: EvidenceStore, audit: AuditLog, clock: Clock) -> None:
        self.database = database
        self._store = store
        self._audit = audit
        self._clock = clock

    async def insist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`, which reads and then steps, again when somebody else stepped in between: news is not repeated.

        Raises:
            ConflictError: still, after `TRIES` times.
        """
        for _ in range(TRIES - 1):
            with suppress(ConflictError):
                await work()
                return
        await work()

    @asynccontextmanager
    async def step(
        self,
        request: ClipRequest,
        after: ClipState,
        kind: Kind,
        *,
        decision: Decision = Decision.NONE,
        public: Mapping[str, Json] | None = None,
        details: Mapping[str, Json] | None = None,
        person: str = "",
        **values: Any,
    ) -> AsyncIterator[UnitOfWork]:
        """Take `request` to `after` and write the leaf; what is done inside the block is part of the same transaction.

        Raises:
            ConflictError: the step is not in the table, or somebody was faster.
        """
        if not can_become(request.state, after):
            raise ConflictError("This request is past that step. Look again.")
        async with self.database.unit_of_work() as unit:
            await self._store.change(unit, request, state=after, changed_at=self._clock.now(), **values)
            draft = leaf(kind, request, decision=decision, public=public, details=details, person=person)
            await self._audit.append(unit, draft)
            yield unit
            await unit.commit()
