"""Who and what is behind a link to a phone now: its sender, its incident, and what a phone shows by name."""

from datetime import timedelta

from gateway.app.granted import as_now
from gateway.app.ground import Ground
from gateway.cameras import Cameras
from gateway.identity import Identity, People
from gateway.incidents import Incidents
from gateway.kernel.principal import Principal
from gateway.live import Called, PhoneGround, PhoneLink
from partner_agent.wire.clock import Clock


class PhoneSurroundings:
    """`live.phones.Surroundings` over people, cameras and incidents."""

    def __init__(self, *, people: People, cameras: Cameras, incidents: Incidents, clock: Clock) -> None:
        self._people, self._cameras, self._incidents, self._clock = people, cameras, incidents, clock

    async def sender_now(self, sender: Principal) -> Principal:
        """As they are now."""
        return await as_now(self._people, sender)

    async def is_active(self, incident_id: str) -> bool:
        """Whether it goes on."""
        incident = await self._incidents.find(incident_id)
        return incident is not None and incident.is_active(self._clock.now())

    async def called(self, link: PhoneLink) -> Called:
        """The camera and the sender by name; of a home only what its camera is called."""
        cameras = await self._cameras.cameras({link.camera_id})
        person = await self._people.person(link.person_id)
        agency = await self._people.agency()
        return Called(
            camera=cameras[0].name if cameras else "", sender=person.name if person else "", agency=agency.name
        )


def phone_ground(ground: Ground, *, identity: Identity, cameras: Cameras, incidents: Incidents) -> PhoneGround:
    """What links to phones stand on, by the settings."""
    surroundings = PhoneSurroundings(people=identity.people, cameras=cameras, incidents=incidents, clock=ground.clock)
    return PhoneGround(surroundings=surroundings, lasts=timedelta(minutes=ground.settings.phone_minutes))
