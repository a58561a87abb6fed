"""Wires the compliance officer's desk, with one small adapter per capability that knows what its ids are called."""

from collections.abc import Collection, Mapping, Sequence

from gateway.app.ground import Ground
from gateway.cameras import Cameras
from gateway.desks.oversight_desk import OversightDesk
from gateway.identity import Identity
from gateway.incidents import Incidents
from gateway.live import Live


class CameraNames:
    """Cameras that still exist."""

    def __init__(self, cameras: Cameras) -> None:
        self._cameras = cameras

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names by id."""
        wanted = [each for each in ids if each.startswith("cam_")]
        return {camera.id: camera.name for camera in await self._cameras.cameras(wanted)} if wanted else {}


class PersonNames:
    """People; a page names a handful."""

    def __init__(self, identity: Identity) -> None:
        self._people = identity.people

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names by id."""
        found = [await self._people.person(each) for each in sorted(ids) if each.startswith("per_")]
        return {person.id: person.name for person in found if person}


class IncidentNames:
    """Incidents by number, or kind while they have none."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names by id."""
        found = [await self._incidents.find(each) for each in sorted(ids) if each.startswith("inc_")]
        return {each.id: each.number or each.kind.value.replace("_", " ") for each in found if each}


class ViewMarks:
    """Views by the code of their picture."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def sessions_of(self, code: str) -> Sequence[str]:
        """Ids, newest first."""
        return [session.id for session in await self._live.marked(code)]


def build_oversight(
    ground: Ground, *, cameras: Cameras, identity: Identity, incidents: Incidents, live: Live
) -> OversightDesk:
    """The desk over the log."""
    return OversightDesk(
        database=ground.database,
        audit=ground.log.audit,
        reader=ground.log.reader,
        names=(CameraNames(cameras), PersonNames(identity), IncidentNames(incidents)),
        marks=ViewMarks(live),
    )
