"""What people read of emergency access by two people; who may confirm, and what, is decided by `emergency`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.cameras import Camera, Cameras
from gateway.desks.console.ports import ClipWish, SecondAsk, Seconds
from gateway.incidents import Incident, Incidents
from gateway.kernel.errors import UnavailableError
from gateway.kernel.principal import Principal
from gateway.partners import Partners


@dataclass(frozen=True, slots=True)
class SecondView:
    """A question as its second person reads it: no more of the owner than an operator may know."""

    ask: SecondAsk
    camera: Camera
    owner: str
    incident: Incident


class SecondDesk:
    """Joins a question with what its camera, owner and incident are called."""

    def __init__(self, seconds: Seconds | None, *, incidents: Incidents, cameras: Cameras, partners: Partners) -> None:
        self._seconds, self._incidents, self._cameras, self._partners = seconds, incidents, cameras, partners

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask for a second person; raises as `Seconds.ask`."""
        await self._there().ask(principal, camera_id=camera_id, purpose=purpose, incident_id=incident_id)

    async def ask_for_still(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> SecondAsk:
        """Ask for a second person for one still; raises as `Seconds.ask`."""
        return await self._there().ask_for_still(
            principal, camera_id=camera_id, purpose=purpose, incident_id=incident_id
        )

    async def ask_to_look_back(
        self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str, at: datetime
    ) -> SecondAsk:
        """Ask for a second person to look at the recording around a moment; raises as `Seconds.ask`."""
        return await self._there().ask_to_look_back(
            principal, camera_id=camera_id, purpose=purpose, incident_id=incident_id, at=at
        )

    async def one(self, principal: Principal, ask_id: str) -> SecondAsk:
        """How a question stands; raises as `Seconds.one`."""
        return await self._there().one(principal, ask_id)

    async def ask_for_recording(self, principal: Principal, wish: ClipWish) -> None:
        """Ask for a second person for a recording; raises as `Seconds.ask`."""
        await self._there().ask_for_recording(principal, wish)

    async def is_for_two(self, principal: Principal, wish: ClipWish) -> bool:
        """Whether to offer that."""
        return self._seconds is not None and await self._seconds.is_for_two(principal, wish)

    async def recordings(self, principal: Principal) -> Sequence[tuple[SecondAsk, str]]:
        """The caller's own questions about recordings, each with what its camera is called."""
        return await self._named(await self._seconds.recordings(principal) if self._seconds else ())

    async def of_incident(self, principal: Principal, incident_id: str, *, purpose: str) -> Mapping[str, SecondAsk]:
        """The caller's own questions of an incident, for one purpose."""
        found = await self._seconds.of_incident(principal, incident_id) if self._seconds else {}
        return {camera: ask for camera, ask in found.items() if ask.purpose == purpose}

    async def waiting(self, principal: Principal) -> Sequence[tuple[SecondAsk, str]]:
        """The questions the caller may answer, each with what its camera is called."""
        return await self._named(await self._seconds.waiting(principal) if self._seconds else ())

    async def _named(self, asks: Sequence[SecondAsk]) -> Sequence[tuple[SecondAsk, str]]:
        names = {c.id: c.name for c in await self._cameras.cameras({ask.camera_id for ask in asks})} if asks else {}
        return [(ask, names.get(ask.camera_id, "")) for ask in asks]

    async def view(self, principal: Principal, ask_id: str) -> SecondView:
        """One question.

        Raises:
            NotFoundError: there is none in the caller's agency.
        """
        ask = await self._there().one(principal, ask_id)
        incident = await self._incidents.incident(principal, ask.incident_id)
        camera = await self._cameras.camera(ask.camera_id)
        names = {camera.organisation_id: (await self._partners.organisation(camera.organisation_id)).name}
        return SecondView(ask, camera, owner_of(camera, names), incident)

    async def answer(self, principal: Principal, ask_id: str, *, is_yes: bool) -> SecondAsk:
        """Be the second person; raises as `Seconds.answer`."""
        return await self._there().answer(principal, ask_id, is_yes=is_yes)

    def _there(self) -> Seconds:
        if self._seconds is None:
            raise UnavailableError("Nobody can be asked here yet.")
        return self._seconds


def owner_of(camera: Camera, names: Mapping[str, str]) -> str:
    """Whose camera it is; the name of a household is nobody's business."""
    return "" if camera.people_live_here else names[camera.organisation_id]
