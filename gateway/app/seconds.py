"""Wires the console's questions to a second person to emergency access.

A view that was confirmed is opened by whoever asked, at the picture. A recording is fetched by its confirmation: it is
asked for at once, in the name of whoever asked, for there is nothing left to press.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.app.emergency import EmergencyServices, PeopleOfTheAgency, need_of
from gateway.desks.console import ClipWish, SecondAsk
from gateway.emergency import Confirmation, Need
from gateway.evidence import Evidence, Wanted
from gateway.identity import Identity
from gateway.kernel.errors import ConflictError
from gateway.kernel.principal import Principal
from partner_agent.wire.clock import Clock
from policies.vocabulary import Act


class AgencySeconds:
    """`console.Seconds` over emergency and the names of people."""

    def __init__(self, emergency: EmergencyServices, identity: Identity, evidence: Evidence, clock: Clock) -> None:
        self._emergencies, self._law = emergency.emergencies, emergency.law
        self._people, self._standing = identity.people, PeopleOfTheAgency(identity)
        self._evidence, self._clock = evidence, clock

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask, for a live view."""
        need = Need(camera_id=camera_id, act=Act.LIVE_VIEW.value, purpose=purpose, incident_id=incident_id)
        await self._emergencies.ask(principal, need)

    async def ask_for_still(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> SecondAsk:
        """Ask, for one still."""
        need = Need(camera_id=camera_id, act=Act.STILL_TAKE.value, purpose=purpose, incident_id=incident_id)
        return await self._ask(principal, await self._emergencies.ask(principal, need))

    async def ask_to_look_back(
        self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str, at: datetime
    ) -> SecondAsk:
        """Ask, for the recording around a moment."""
        need = await self._law.recorded(principal, camera_id=camera_id, purpose=purpose, incident_id=incident_id, at=at)
        return await self._ask(principal, await self._emergencies.ask(principal, need))

    async def ask_for_recording(self, principal: Principal, wish: ClipWish) -> None:
        """Ask, for a recording."""
        if wish.on_behalf_of:
            raise ConflictError(
                "A second person confirms what you ask for your own agency. Leave “On behalf of” empty."
            )
        await self._emergencies.ask(principal, need_of(wish))

    async def is_for_two(self, principal: Principal, wish: ClipWish) -> bool:
        """Whether a second person's word would do what the asker's alone does not."""
        need = need_of(wish)
        if await self._law.permits(principal, need, with_second=False):
            return False
        return await self._law.permits(principal, need, with_second=True)

    async def recordings(self, principal: Principal) -> Sequence[SecondAsk]:
        """The caller's own about recordings."""
        mine = await self._emergencies.mine(principal)
        return [await self._ask(principal, one) for one in mine if one.need.act == Act.CLIP_FETCH]

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, SecondAsk]:
        """The caller's own, by camera."""
        mine = await self._emergencies.mine(principal)
        views = [one for one in mine if (one.need.act, one.need.incident_id) == (Act.LIVE_VIEW, incident_id)]
        return {one.need.camera_id: await self._ask(principal, one) for one in views}

    async def waiting(self, principal: Principal) -> Sequence[SecondAsk]:
        """Those the caller may answer."""
        waiting = await self._emergencies.waiting(principal)
        return [await self._ask(principal, one) for one in waiting if self._emergencies.may_answer(principal, one)]

    async def one(self, principal: Principal, ask_id: str) -> SecondAsk:
        """One."""
        return await self._ask(principal, await self._emergencies.confirmation(principal, ask_id))

    async def answer(self, principal: Principal, ask_id: str, *, is_yes: bool) -> SecondAsk:
        """Yes or no."""
        one = await (self._emergencies.confirm if is_yes else self._emergencies.decline)(principal, ask_id)
        if is_yes and one.need.act == Act.CLIP_FETCH:
            await self._fetch(one)
        return await self._ask(principal, one)

    async def _fetch(self, one: Confirmation) -> None:
        need, asker = one.need, await self._standing.as_they_are(one.asker.person_id, one.asker.factors)
        if asker is None or need.t0 is None or need.t1 is None:  # they left in this very moment; it runs out by itself
            return
        wanted = Wanted(
            camera_id=need.camera_id,
            t0=need.t0,
            t1=need.t1,
            purpose=need.purpose,
            incident_id=need.incident_id,
            legal_basis=need.legal_basis,
            confirmation_id=one.id,
        )
        await self._evidence.ask(replace(asker, session_ref=one.asker.session_ref), wanted)

    async def _ask(self, principal: Principal, one: Confirmation) -> SecondAsk:
        person = await self._people.person(one.asker.person_id)
        return SecondAsk(
            id=one.id,
            camera_id=one.need.camera_id,
            incident_id=one.need.incident_id,
            act=one.need.act,
            purpose=one.need.purpose,
            asker=person.name if person else "",
            standing=", ".join(word for word in (" ".join(sorted(one.asker.roles)), one.asker.unit) if word),
            asked_at=one.asked_at,
            until=one.expires_at,
            state=one.state.value,
            is_over=one.is_over(self._clock.now()),
            may_answer=self._emergencies.may_answer(principal, one),
            is_own=one.asker.person_id == principal.person_id,
            t0=one.need.t0,
            t1=one.need.t1,
            legal_basis=one.need.legal_basis,
        )
