"""Wires the console's questions to a second person to emergency access."""

from collections.abc import Mapping, Sequence

from gateway.desks.console import SecondAsk
from gateway.emergency import Confirmation, Emergencies, Need
from gateway.identity import Identity
from gateway.kernel.principal import Principal
from partner_agent.wire.clock import Clock
from policies.vocabulary import Act


class AgencySeconds:
    """`console.Seconds` over emergency and the names of people."""

    def __init__(self, emergencies: Emergencies, identity: Identity, clock: Clock) -> None:
        self._emergencies, self._people, self._clock = emergencies, identity.people, clock

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask, for a live view."""
        need = Need(camera_id=camera_id, act=Act.LIVE_VIEW.value, purpose=purpose, incident_id=incident_id)
        await self._emergencies.ask(principal, need)

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, SecondAsk]:
        """The caller's own, by camera."""
        mine = await self._emergencies.mine(principal, incident_id)
        views = [one for one in mine if one.need.act == Act.LIVE_VIEW]
        return {one.need.camera_id: await self._ask(principal, one) for one in views}

    async def waiting(self, principal: Principal) -> Sequence[SecondAsk]:
        """Those the caller may answer."""
        waiting = await self._emergencies.waiting(principal)
        return [await self._ask(principal, one) for one in waiting if self._emergencies.may_answer(principal, one)]

    async def one(self, principal: Principal, ask_id: str) -> SecondAsk:
        """One."""
        return await self._ask(principal, await self._emergencies.confirmation(principal, ask_id))

    async def answer(self, principal: Principal, ask_id: str, *, is_yes: bool) -> None:
        """Yes or no."""
        await (self._emergencies.confirm if is_yes else self._emergencies.decline)(principal, ask_id)

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
        )
