"""Fills a fresh demo through the same services the pages use, so that nothing in it is a special case.

A market with four cameras that its own agent will connect, a home that is only on the list, and the agency's people
with working passwords and one-time codes. Sharing and pairing follow once the site's agent runs (`demo_site`).
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.app.demo_state import AgencyPerson, DemoState
from gateway.app.services import Services
from gateway.cameras import Camera, CameraFacts
from gateway.identity import totp
from gateway.identity.sign_in import Attempt
from gateway.kernel.principal import SYSTEM, Principal, PrincipalKind, Role
from gateway.partners import OrganisationKind, Place, Registration, Site

ZONE: Final = "America/Chicago"
CAMERA_NAMES: Final = (
    "Front door",
    "Corner of State and Lake",
    "Parking",
    "Back alley",
)  # also burned into the picture
_STATE_AND_LAKE: Final = Place(41.88575, -87.62785)


@dataclass(frozen=True, slots=True)
class Partner:
    """A seeded partner: who owns it, its place and its cameras."""

    owner: Principal
    site: Site
    cameras: tuple[Camera, ...]


async def seed_agency(services: Services, state: DemoState) -> None:
    """The agency's people, each enrolled with a password and a one-time code."""
    for person in state.people:
        if not person.totp_seed:
            await _enrol(services, person)
            state.save()


async def _enrol(services: Services, person: AgencyPerson) -> None:
    people = services.identity.people
    roles = frozenset(Role(role) for role in person.roles)
    if Role.ADMIN in roles:
        link = await people.invite_first_admin(email=person.mail, name=person.name)
    else:
        link = await people.invite(email=person.mail, name=person.name, roles=roles, unit_name="RTCC", by=SYSTEM)
    step = await people.begin_enrolment(link.rsplit("/", 1)[1])
    seed = (await people.enrolment(step)).written_seed.replace(" ", "")
    # the code of the step before, so that the present one is still good for the first real sign-in
    code = totp.code_at(base64.b32decode(seed), totp.step_at(services.clock.now()) - 1)
    attempt = Attempt(address="127.0.0.1")
    await people.finish_enrolment(step, password=person.password, code=code, attempt=attempt)
    person.totp_seed = seed


def code_at(now: datetime, person: AgencyPerson) -> str:
    """The person's one-time code at this moment."""
    return totp.code_at(base64.b32decode(person.totp_seed), totp.step_at(now))


async def seed_market(services: Services, state: DemoState) -> Partner:
    """A shop with four cameras around one corner."""
    wish = Registration(
        OrganisationKind.BUSINESS, "Corner Market", "190 N State St, Chicago", "Maria Lopez", state.owner_mail
    )
    owner = await _register(services, wish)
    present = await services.partners.sites(owner.organisation_id)
    site = present[0] if present else await _site(services, owner, "State & Lake", _STATE_AND_LAKE, is_home=False)
    known = {camera.name: camera for camera in await services.cameras.of_site(site.id)}
    for number, name in enumerate(CAMERA_NAMES):
        if name not in known:
            place = Place(_STATE_AND_LAKE.lat + (number - 1) * 0.00018, _STATE_AND_LAKE.lon - (number % 2) * 0.00022)
            facts = CameraFacts(name, place, number * 90 % 360, True, "Theft and safety at our doors")
            known[name] = await services.cameras.add(owner, site, facts)
    return Partner(owner, site, tuple(known[name] for name in CAMERA_NAMES))


async def seed_home(services: Services) -> None:
    """A resident whose camera is on the list only: before an incident the map shows a cell with a count."""
    wish = Registration(
        OrganisationKind.RESIDENT, "Kim household", "60 E Benton Pl, Chicago", "Jae Kim", "jae.kim@home.example"
    )
    owner = await _register(services, wish)
    if await services.partners.sites(owner.organisation_id):
        return
    place = Place(41.88535, -87.62535)
    site = await _site(services, owner, "Home", place, is_home=True)
    await services.cameras.add(owner, site, CameraFacts("Porch", place, 180, True, "Parcels"))


async def _register(services: Services, wish: Registration) -> Principal:
    async with services.database.unit_of_work() as unit:
        person_id = await services.identity.person_for(unit, email=wish.email, name=wish.contact_name)
        if unit.leaves:
            await unit.commit()
    if await services.partners.membership_of(person_id) is None:
        await services.partners.register(wish)
    await services.partners.address_confirmed(person_id)
    member = await services.partners.membership_of(person_id)
    assert member is not None
    owner = Principal(
        kind=PrincipalKind.PARTNER,
        person_id=person_id,
        organisation_id=member.organisation_id,
        roles=frozenset({Role.OWNER}),
        name=wish.contact_name,
    )
    await services.partners.accept_agreement(owner, sha256=services.partners.agreement.sha256)
    return owner


async def _site(services: Services, owner: Principal, name: str, place: Place, *, is_home: bool) -> Site:
    organisation = await services.partners.organisation(owner.organisation_id)
    site = Site(
        id="",
        organisation_id=owner.organisation_id,
        name=name,
        address=organisation.address,
        place=place,
        zone=ZONE,
        people_live_here=is_home,
    )
    return await services.partners.save_site(owner, site, is_new=True)
