"""The owner's one switch: stop sharing everything, with everybody or with one agency, and share again.

Stopping counts at the centre from the commit on, and is a narrowing of every document, so that each site refuses by
itself once it has it. For that reason sharing again is sharing more: it waits for the owner's approval, as every
widening does (ADR 13). Who is stopped is a fact of the organisation, so it holds for places that are added later too.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, NotFoundError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing.model import EVERYBODY, Answers, Plan
from gateway.sharing.ports import Log, SharingRows
from gateway.sharing.service import Sharing
from gateway.sharing.site_book import Agency, SiteBook
from partner_agent.wire.clock import Clock

TRIES: Final = 5  # an owner who saves at the same moment must not keep us from stopping


class Stopping:
    """Use cases of the switch."""

    def __init__(
        self, *, database: Database, rows: SharingRows, book: SiteBook, sharing: Sharing, log: Log, clock: Clock
    ) -> None:
        self._database = database
        self._rows = rows
        self._book = book
        self._sharing = sharing
        self._log = log
        self._clock = clock

    async def agencies(self) -> tuple[Agency, ...]:
        """Those that can be stopped one by one."""
        return (await self._book.agency(),)

    async def stopped(self, organisation_id: str) -> Mapping[str, datetime]:
        """With whom nothing is shared, and since when: agencies, or `EVERYBODY`."""
        return await self._rows.suspensions(organisation_id)

    async def stop(self, principal: Principal, agency_id: str = EVERYBODY) -> None:
        """Share nothing with an agency from now on, at every place; without naming one, with nobody.

        Raises:
            NotFoundError: there is no such agency.
        """
        await self._switch(principal, agency_id, is_stopped=True)

    async def share_again(self, principal: Principal, agency_id: str = EVERYBODY) -> None:
        """Want again what the answers say; it waits for approval where the site took it away.

        Raises:
            NotFoundError: there is no such agency.
        """
        await self._switch(principal, agency_id, is_stopped=False)

    async def _switch(self, principal: Principal, agency_id: str, *, is_stopped: bool) -> None:
        if agency_id not in {EVERYBODY, *(agency.id for agency in await self.agencies())}:
            raise NotFoundError("There is no such agency.")
        for attempt in range(TRIES):
            before = frozenset(await self._rows.suspensions(principal.organisation_id))
            if (agency_id in before) == is_stopped:
                return
            after = before | {agency_id} if is_stopped else before - {agency_id}
            try:
                await self._write(principal, agency_id, after)
            except ConflictError:
                if attempt + 1 == TRIES:
                    raise
            else:
                return

    async def _write(self, principal: Principal, agency_id: str, after: frozenset[str]) -> None:
        """One transaction: the switch, what every place should hold, the generations, the leaf."""
        now, mine = self._clock.now(), principal.organisation_id
        steps = [(known, await self._step(known, after)) for known in await self._rows.answers_of(mine)]
        async with self._database.unit_of_work() as unit:
            if agency_id in after:
                await self._rows.suspend(unit, mine, agency_id, at=now)
            else:
                await self._rows.resume(unit, mine, agency_id)
            for known, step in steps:
                narrowed = known.pending if step.narrowing is None else step.narrowing.to_document()
                kept = dataclasses.replace(known, version=known.version + 1, changed_at=now, pending=narrowed)
                await self._rows.save_answers(unit, kept, made_from=known.version)
                await self._sharing.announce(unit, known.site_id)
            unit.bump(mine)
            await self._leaf(unit, principal, agency_id, is_stopped=agency_id in after, places=len(steps))
            await unit.commit()

    async def _step(self, known: Answers, after: frozenset[str]) -> Plan:
        """What a place should hold then; where nothing can be written, the switch alone refuses."""
        site = await self._book.partners.site(known.site_id)
        try:
            return await self._sharing.follows(site, known, dataclasses.replace(known, suspended=after))
        except PreconditionError:
            return Plan()

    async def _leaf(
        self, unit: UnitOfWork, principal: Principal, agency_id: str, *, is_stopped: bool, places: int
    ) -> None:
        who = {"organisation": principal.organisation_id, "person": principal.person_id}
        draft = LeafDraft(
            kind=Kind.SHARING_SUSPENDED if is_stopped else Kind.SHARING_RESUMED,
            streams=frozenset(who.values()),
            public={"by": "owner", "is_everybody": agency_id == EVERYBODY, "places": places},
            details={**who, "agency": "" if agency_id == EVERYBODY else agency_id},
        )
        await self._log.append(unit, draft)
