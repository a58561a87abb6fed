"""Emergency access by two people: asked by one, confirmed by another, used once.

Asking and confirming decide with every layer of the centre, as if the second person were there; neither releases
anything. The view (or the request for a recording) that stands on a confirmation is decided again when it is opened,
and while it runs, and uses the confirmation up in the transaction that writes it. Each step is a leaf in its own
transaction, and lapsing is one.

The checks of a yes, numbered so in the code: 1 of the caller's agency, and still waiting; 2 two people, the second as
surely signed in, with the duty (`policies.seconding`); 3 the session that asked is still its owner's, so that one
browser cannot be both; 4 the person who asked may still ask; 5 every layer permits it for two.
"""

from dataclasses import replace
from typing import Final

from gateway.emergency import leaves
from gateway.emergency.model import CONFIRMABLE, Confirmation, Need, State, new_confirmation
from gateway.emergency.ports import ConfirmationRows, EmergencyLaw, Log, Owners, People, Publisher
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, LimitedError, NotFoundError
from gateway.kernel.principal import Principal, Role
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

MOST_OPEN: Final = 8  # of one person's questions; more is no emergency, and hides those of others
SWEEP_S: Final = 5.0  # how often what is over is written down as over; nothing waits for it
TOPIC: Final = "emergency"  # of everything that changes; `ref` names the confirmation
NOT_AVAILABLE: Final = "Not available for this purpose."
_NONE: Final = "There is no such request for a second person."
_OVER: Final = "This is over: it was answered, or not in time. It can be asked again."


def topic_of_first(person_id: str) -> str:
    """The bus topic of what becomes of a person's own questions; `ref` names the camera."""
    return f"emergency_first.{person_id}"


class Emergencies:
    """Use cases of emergency access by two people."""

    def __init__(
        self,
        *,
        database: Database,
        rows: ConfirmationRows,
        law: EmergencyLaw,
        people: People,
        owners: Owners,
        log: Log,
        publisher: Publisher,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database, self._rows, self._law, self._people = database, rows, law, people
        self._owners, self._log, self._publisher = owners, log, publisher
        self._clock, self._ids = clock, ids

    # --- the first person

    async def ask(self, asker: Principal, need: Need) -> Confirmation:
        """Ask for a second person; an open question of the same person for the same thing is that question.

        Raises:
            InvalidError: nothing a second person could confirm, or no incident.
            NotFoundError: no such camera or incident, or the person may not know of it.
            DeniedError: it is not permitted with two people either; that they asked is in the log.
            ConflictError: it is available without a second person.
            LimitedError: too many of the person's questions are open.
        """
        if need.act not in CONFIRMABLE or not need.incident_id:
            raise InvalidError("A second person confirms one view, or one recording, for one incident.")
        place = await self._law.place(asker, need)
        waiting = await self._rows.open_of(asker.person_id, need)
        if waiting is not None and waiting.need == need and not waiting.is_over(self._clock.now()):
            return waiting
        if await self._rows.count_open(asker.person_id, now=self._clock.now()) >= MOST_OPEN:
            raise LimitedError("Wait for an answer first: 8 of your requests wait.", retry_after_s=60)
        if await self._law.permits(asker, need, with_second=False):
            raise ConflictError("You can open this without a second person.")
        if not await self._law.permits(asker, need, with_second=True):
            await self._refuse(asker, need, place.organisation_id, "not_permitted")
            raise DeniedError(NOT_AVAILABLE)
        one = new_confirmation(asker, need, place, id_=self._ids.new("emg"), now=self._clock.now())
        async with self._database.unit_of_work() as unit:
            if waiting is not None:
                await self._lapse(unit, waiting)
            await self._rows.add(unit, one)
            await self._log.append(unit, leaves.asked(one))
            self._announce(unit, one)
            await unit.commit()
        return one

    async def mine(self, asker: Principal) -> list[Confirmation]:
        """The person's open questions."""
        return [one for one in await self.waiting(asker) if one.asker.person_id == asker.person_id]

    # --- the second person

    async def waiting(self, principal: Principal) -> list[Confirmation]:
        """What is asked or confirmed in the caller's agency now."""
        now = self._clock.now()
        return [one for one in await self._rows.open_in(principal.organisation_id) if not one.is_over(now)]

    def may_answer(self, second: Principal, one: Confirmation) -> bool:
        """Whether the caller may be the second person of this question."""
        return one.state is State.ASKED and self._law.may_second(one.asker, second)

    async def confirmation(self, principal: Principal, confirmation_id: str) -> Confirmation:
        """One, for those whom it concerns: who asked, who answered, who could be asked, and compliance.

        Raises:
            NotFoundError: there is none.
        """
        one = await self._of_agency(principal, confirmation_id)
        surely = replace(principal, factors=frozenset({"passkey"}))  # how they signed in is said on the page
        is_part = principal.person_id in {one.asker.person_id, one.second_id} or Role.COMPLIANCE in principal.roles
        if not is_part and not self._law.may_second(one.asker, surely):
            raise NotFoundError(_NONE)
        return one

    async def confirm(self, second: Principal, confirmation_id: str) -> Confirmation:
        """The second person says yes.

        Raises:
            NotFoundError: there is no such question in the caller's agency.
            ConflictError: it is over.
            DeniedError: the caller may not be the second person, or it is not permitted any more.
        """
        one = await self._waiting(second, confirmation_id)  # 1
        await self._demand_second(second, one)  # 2
        if not await self._people.is_signed_in(one.asker.session_ref):  # 3
            await self._refuse(second, one.need, one.place.organisation_id, "asker_signed_out")
            raise ConflictError("The person who asked has signed out. They can sign in and ask again.")
        asker = await self._people.as_they_are(one.asker.person_id, one.asker.factors)  # 4
        if asker is None or not await self._is_permitted(asker, one.need):  # 5
            await self._refuse(second, one.need, one.place.organisation_id, "not_permitted")
            raise DeniedError(NOT_AVAILABLE)
        after = one.confirmed(second, self._clock.now())
        return await self._answered(one, after)

    async def decline(self, second: Principal, confirmation_id: str) -> Confirmation:
        """The second person says no.

        Raises:
            NotFoundError: there is no such question in the caller's agency.
            ConflictError: it is over.
            DeniedError: the caller may not be the second person.
        """
        one = await self._waiting(second, confirmation_id)
        await self._demand_second(second, one)
        return await self._answered(one, one.declined(second, self._clock.now()))

    # --- what stands on it

    async def second_of(self, asker_id: str, need: Need, confirmation_id: str, *, used_by: str = "") -> str:
        """Who is the second person of what is asked now; empty for nobody.

        Args:
            asker_id: who asks.
            need: exactly what for.
            confirmation_id: the confirmation it is to stand on.
            used_by: the view or request that uses it already and is decided again; empty before its use.
        """
        one = await self._rows.get(confirmation_id) if confirmation_id else None
        if one is None or not one.fits(asker_id, need):
            return ""
        is_unused = not used_by and one.state is State.CONFIRMED and not one.is_over(self._clock.now())
        is_its_own = bool(used_by) and one.state is State.USED and one.used_by == used_by
        if not (is_unused or is_its_own):
            return ""
        second = await self._people.as_they_are(one.second_id, one.second_factors)
        return one.second_id if second is not None and self._law.may_second(one.asker, second) else ""

    async def need_of(self, asker_id: str, confirmation_id: str) -> Need | None:
        """What a question of this person is about; None where it is none of theirs."""
        one = await self._rows.get(confirmation_id)
        return one.need if one is not None and one.asker.person_id == asker_id else None

    async def use(self, unit: UnitOfWork, confirmation_id: str, *, by: str) -> Confirmation:
        """Use a confirmation up, in the transaction that writes the view or request `by`; its owner is told.

        Raises:
            ConflictError: it was used, or is over: nothing of the caller's transaction may stand.
        """
        now = self._clock.now()
        one = await self._rows.get(confirmation_id)
        if one is None or not await self._rows.step(unit, one, one.used(by, now), now=now):
            raise ConflictError(_OVER)
        await self._owners.tell(unit, one)
        self._announce(unit, one)
        return one

    # --- time

    async def run(self) -> None:
        """Write down what is over, for ever."""
        while True:
            await self.sweep()
            await self._clock.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Write down what nobody answered or used in time; how many."""
        overdue = await self._rows.overdue(self._clock.now())
        for one in overdue:
            async with self._database.unit_of_work() as unit:
                if await self._lapse(unit, one):
                    await unit.commit()
        return len(overdue)

    # --- inside

    async def _of_agency(self, principal: Principal, confirmation_id: str) -> Confirmation:
        one = await self._rows.get(confirmation_id)
        if one is None or one.agency_id != principal.organisation_id:
            raise NotFoundError(_NONE)
        return one

    async def _waiting(self, principal: Principal, confirmation_id: str) -> Confirmation:
        one = await self._of_agency(principal, confirmation_id)
        if one.state is not State.ASKED or one.is_over(self._clock.now()):
            raise ConflictError(_OVER)
        return one

    async def _demand_second(self, second: Principal, one: Confirmation) -> None:
        if not self._law.may_second(one.asker, second):
            await self._refuse(second, one.need, one.place.organisation_id, "not_the_second")
            if second.person_id == one.asker.person_id:
                raise DeniedError("You asked for this yourself. Somebody else has to confirm it.")
            raise DeniedError("Your role, your rank, or how you signed in, does not allow you to confirm this.")

    async def _is_permitted(self, asker: Principal, need: Need) -> bool:
        try:
            return await self._law.permits(asker, need, with_second=True)
        except NotFoundError:
            return False

    async def _answered(self, before: Confirmation, after: Confirmation) -> Confirmation:
        draft = leaves.confirmed if after.state is State.CONFIRMED else leaves.declined
        async with self._database.unit_of_work() as unit:
            if not await self._rows.step(unit, before, after, now=self._clock.now()):
                raise ConflictError(_OVER)
            await self._log.append(unit, draft(after))
            self._announce(unit, after)
            await unit.commit()
        return after

    async def _lapse(self, unit: UnitOfWork, one: Confirmation) -> bool:
        if not await self._rows.step(unit, one, one.lapsed(), now=None):
            return False
        await self._log.append(unit, leaves.lapsed(one))
        self._announce(unit, one)
        return True

    async def _refuse(self, principal: Principal, need: Need, organisation_id: str, reason: str) -> None:
        async with self._database.unit_of_work() as unit:
            draft = leaves.refused(principal, need, organisation_id=organisation_id, reason=reason)
            await self._log.append(unit, draft)
            await unit.commit()

    def _announce(self, unit: UnitOfWork, one: Confirmation) -> None:
        unit.after_commit(lambda: self._publisher.publish(TOPIC, one.id))
        mine = topic_of_first(one.asker.person_id)
        unit.after_commit(lambda: self._publisher.publish(mine, one.need.camera_id))
