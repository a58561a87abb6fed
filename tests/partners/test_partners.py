"""Partners register, confirm, describe themselves, add people, accept, withdraw; each with its leaf."""

from dataclasses import replace

import pytest

from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, DeniedError, NotFoundError
from gateway.kernel.principal import Role
from gateway.partners import OrganisationKind, OrganisationState, Registration
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.partners import World, world

pytestmark = pytest.mark.anyio
WISH = Registration(OrganisationKind.BUSINESS, "Corner Shop", "1 State Street", "Ana Ruiz", "ana@example.org")


@pytest.fixture
def w(database: Database, clock: FakeClock, ids: SequentialIds) -> World:
    """Partners over both databases."""
    return world(database, clock=clock, ids=ids)


async def test_a_newcomer_is_pending_until_the_mailed_link_is_opened(w):
    """Registering sends one link; opening it makes the organisation active, once."""
    await w.partners.register(WISH)
    person = w.people.by_email[WISH.email]
    member = await w.partners.membership_of(person)
    assert w.people.links == [(WISH.email, "/portal/set-up")]
    assert (await w.partners.organisation(member.organisation_id)).state is OrganisationState.PENDING

    await w.partners.address_confirmed(person)
    await w.partners.address_confirmed(person)

    assert (await w.partners.organisation(member.organisation_id)).state is OrganisationState.ACTIVE
    assert await w.kinds(member.organisation_id) == ["partner.registered", "partner.confirmed"]


async def test_nothing_can_be_placed_before_the_address_is_confirmed(w):
    """A pending organisation has no sites, people or agreement of its own making."""
    await w.partners.register(WISH)
    owner = await w.principal(w.people.by_email[WISH.email])

    with pytest.raises(DeniedError):
        await w.site(owner)
    with pytest.raises(DeniedError):
        await w.partners.add_member(owner, name="Bo", email="bo@example.org", role=Role.ANSWERS)
    with pytest.raises(DeniedError):
        await w.partners.accept_agreement(owner, sha256=w.partners.agreement.sha256)


async def test_registering_a_known_address_makes_nothing_and_says_nothing(w):
    """Somebody who types another's address learns nothing; the person gets a plain link."""
    await w.partners.register(WISH)
    await w.partners.register(replace(WISH, name="Other"))

    member = await w.partners.membership_of(w.people.by_email[WISH.email])
    assert (await w.partners.organisation(member.organisation_id)).name == "Corner Shop"
    assert len(w.people.links) == 2


async def test_a_place_of_another_organisation_is_not_there(w):
    """Reading, changing and removing it all answer the same: there is no such place."""
    ana, bo = await w.owner(), await w.owner("bo@example.org", name="Garage")
    site = await w.site(ana)

    with pytest.raises(NotFoundError):
        await w.partners.site(site.id, organisation_id=bo.organisation_id)
    with pytest.raises(NotFoundError):
        await w.partners.save_site(bo, replace(site, name="Mine now"), is_new=False)
    with pytest.raises(NotFoundError):
        await w.partners.save_site(bo, replace(site, organisation_id=bo.organisation_id), is_new=False)
    with pytest.raises(NotFoundError):
        await w.partners.remove_site(bo, site.id)
    assert await w.partners.sites(ana.organisation_id) == [site]


async def test_a_new_place_belongs_to_whoever_adds_it(w):
    """An id or organisation in the wish is not taken over."""
    ana, bo = await w.owner(), await w.owner("bo@example.org", name="Garage")
    site = await w.site(ana)
    mine = await w.partners.save_site(bo, site, is_new=True)

    assert mine.id != site.id
    assert mine.organisation_id == bo.organisation_id


async def test_a_person_belongs_to_one_organisation(w):
    """An address that is taken cannot be added elsewhere, and the sentence does not say where it is."""
    ana, _ = await w.owner(), await w.owner("bo@example.org", name="Garage")

    with pytest.raises(ConflictError, match="cannot be added"):
        await w.partners.add_member(ana, name="Bo", email="bo@example.org", role=Role.MANAGER)


async def test_a_removed_person_is_signed_out_everywhere(w):
    """Removing ends the sessions in the same transaction and is logged."""
    ana = await w.owner()
    await w.partners.add_member(ana, name="Cy", email="cy@example.org", role=Role.ANSWERS)
    cy = w.people.by_email["cy@example.org"]

    await w.partners.remove_member(ana, cy)

    assert w.people.signed_out == [cy]
    assert await w.partners.membership_of(cy) is None
    assert (await w.kinds(ana.organisation_id))[-2:] == ["partner.member_added", "partner.member_removed"]


async def test_the_last_owner_stays(w):
    """An organisation without an owner could never end anything."""
    ana = await w.owner()
    with pytest.raises(ConflictError, match="only owner"):
        await w.partners.remove_member(ana, ana.person_id)

    await w.partners.add_member(ana, name="Di", email="di@example.org", role=Role.OWNER)
    await w.partners.remove_member(ana, ana.person_id)

    assert [m.name for m in await w.partners.members(ana.organisation_id)] == ["Di"]


async def test_a_person_of_another_organisation_cannot_be_removed(w):
    """They are not there."""
    ana, bo = await w.owner(), await w.owner("bo@example.org", name="Garage")

    with pytest.raises(NotFoundError):
        await w.partners.remove_member(ana, bo.person_id)


async def test_the_agreement_is_accepted_by_the_digest_of_what_was_shown(w):
    """Another text is refused; the right one is kept with its version and logged publicly; twice is once."""
    ana = await w.owner()
    with pytest.raises(ConflictError):
        await w.partners.accept_agreement(ana, sha256="0" * 64)
    assert not await w.partners.has_accepted(ana.organisation_id)

    for _ in range(2):
        await w.partners.accept_agreement(ana, sha256=w.partners.agreement.sha256)

    (accepted,) = await w.partners.acceptances(ana.organisation_id)
    assert (accepted.version, accepted.person_name) == ("pilot-1", "Ana Ruiz")
    last = (await w.entries(ana.organisation_id))[-1]
    assert last.public["mou_sha256"] == w.partners.agreement.sha256


async def test_withdrawing_deletes_people_places_and_details(w):
    """What is left names nobody; the log says that somebody took part."""
    ana = await w.owner()
    await w.site(ana)
    await w.partners.accept_agreement(ana, sha256=w.partners.agreement.sha256)

    await w.partners.withdraw(ana)

    with pytest.raises(NotFoundError):
        await w.partners.organisation(ana.organisation_id)
    assert await w.partners.members(ana.organisation_id) == []
    assert await w.partners.sites(ana.organisation_id) == []
    assert [a.person_name for a in await w.partners.acceptances(ana.organisation_id)] == [""]
    assert w.people.signed_out == [ana.person_id]
    assert (await w.kinds(ana.organisation_id))[-2:] == ["site.removed", "partner.withdrew"]


async def test_who_withdrew_may_register_again(w):
    """The address is free."""
    ana = await w.owner()
    await w.partners.withdraw(ana)

    again = await w.owner()

    assert again.organisation_id != ana.organisation_id
