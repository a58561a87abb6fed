"""A recording by emergency access of two people: on which word it is released, how often, and what is written."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.clip_law import SharingClipGrants
from gateway.audit import Query
from gateway.desks.console import ClipWish
from gateway.evidence import ClipRequest, ClipState, SiteRefusedError, Wanted
from gateway.identity import Membership
from gateway.identity.model import Door
from gateway.identity.sessions import ref_of
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, DeniedError
from gateway.kernel.principal import Principal, Role
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from policies.clauses import Clause, Live, Recordings, Where
from tests.support.application import services_for, settings_for
from tests.support.shops import Shop, sharing_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    """A whole gateway with a shop that gives nothing but by two people, on each database."""
    services = services_for(settings_for(tmp_path), database, clock=SystemClock(), ids=SystemIds())
    try:
        shop = await sharing_shop(services)
        clause = Clause(frozenset({shop.camera.id}), Live.NEVER, Recordings.NEVER, Where.SHOWN, emergency=True)
        clause = replace(clause, by_hand=True)
        await services.sharing.save(shop.owner, shop.site.id, [clause], made_from=1)
        await shop.acknowledges()  # what is given less
        await shop.acknowledges()  # what is given more
        yield shop
    finally:
        await services.close()


async def signed_in(shop: Shop, name: str, role: Role) -> Principal:
    """Somebody of the agency, in a session of their own."""
    identity, agency_id = shop.services.identity, shop.operator.organisation_id
    factors = frozenset({"password", "totp"})
    async with shop.services.database.unit_of_work() as unit:
        person_id = await identity.person_for(unit, email=f"{name}@city.example", name=name)
        await identity.people._store.put_agency_membership(unit, person_id, Membership(agency_id, frozenset({role})))
        token = await identity.sessions.begin(
            unit, person_id, door=Door.AGENCY, factors=factors, network="192.0.2.0/24", old_token=""
        )
        await unit.commit(unaudited="a test's people")
    usual = replace(shop.operator, person_id=person_id, roles=frozenset({role}), unit="", factors=factors)
    return replace(usual, session_ref=ref_of(token))


@pytest.fixture
async def first(shop: Shop) -> Principal:
    """Who asks."""
    return await signed_in(shop, "robin", Role.OPERATOR)


@pytest.fixture
async def second(shop: Shop) -> Principal:
    """Who confirms."""
    return await signed_in(shop, "kim", Role.SUPERVISOR)


def wish(shop: Shop, **changes: Any) -> ClipWish:
    """A minute, ten minutes ago."""
    begin = shop.services.clock.now().replace(microsecond=0) - timedelta(minutes=10)
    usual: dict[str, Any] = {
        "camera_id": shop.camera.id,
        "t0": begin,
        "t1": begin + timedelta(minutes=1),
        "purpose": "violent_crime",
        "incident_id": shop.incident_id,
        "legal_basis": "warrant 7",
    }
    return ClipWish(**(usual | changes))


async def confirmed(shop: Shop, first: Principal, wanted: ClipWish) -> tuple[str, Wanted]:
    """A confirmation nobody has used yet, and the question that it is for."""
    second = await signed_in(shop, "lee", Role.SUPERVISOR)
    await shop.services.console.seconds.ask_for_recording(first, wanted)
    ((ask, _),) = await shop.services.console.seconds.recordings(first)
    await shop.services.emergencies.confirm(second, ask.id)
    fields = {name: getattr(wanted, name) for name in ("camera_id", "t0", "t1", "purpose", "incident_id")}
    return second.person_id, Wanted(**fields, legal_basis=wanted.legal_basis, confirmation_id=ask.id)


async def kinds(shop: Shop, ref: str) -> list[str]:
    """What the log says of something, oldest first."""
    page = await shop.services.audit.find(Query(streams=frozenset({ref})))
    return [entry.kind for entry in reversed(page.entries)]


async def test_the_second_persons_yes_asks_for_it_at_once(shop: Shop, first: Principal, second: Principal):
    """Offered beforehand; asked for in the first person's name; both are in the leaf; the owners have mail; once."""
    seconds, wanted = shop.services.console.seconds, wish(shop)
    assert await seconds.is_for_two(first, wanted)
    with pytest.raises(DeniedError):
        await shop.services.console.ask_for_clip(first, wanted)

    await seconds.ask_for_recording(first, wanted)
    ((ask, name),) = await seconds.waiting(second)
    assert (name, ask.t0, ask.t1, ask.legal_basis) == ("Front door", wanted.t0, wanted.t1, "warrant 7")
    await seconds.answer(second, ask.id, is_yes=True)

    (request,) = await shop.services.evidence.list_for(first)
    assert (request.person_id, request.second_id, request.confirmation_id) == (
        first.person_id,
        second.person_id,
        ask.id,
    )
    assert (request.state, request.document["legal_basis"]) == (ClipState.APPROVED, "warrant 7")
    assert await seconds.recordings(first) == []
    one = await shop.services.emergencies.confirmation(second, ask.id)
    assert (one.state, one.used_by) == ("used", request.id)
    page = await shop.services.audit.find(Query(streams=frozenset({request.id})))
    leaves = {entry.kind: entry for entry in page.entries}
    assert leaves["clip.approved"].said("by") == "two_persons"
    for_compliance = Query(streams=frozenset({request.id}), is_restricted_visible=True)
    (asked,) = [e for e in (await shop.services.audit.find(for_compliance)).entries if e.kind == "clip.requested"]
    assert (asked.said("person"), asked.said("second")) == (first.person_id, second.person_id)
    assert leaves["clip.requested"].said("second") is None


async def test_a_no_asks_for_nothing(shop: Shop, first: Principal, second: Principal):
    """The second person declines: there is no request, and the owner is asked nothing."""
    seconds = shop.services.console.seconds
    await seconds.ask_for_recording(first, wish(shop))
    ((ask, _),) = await seconds.waiting(second)
    await seconds.answer(second, ask.id, is_yes=False)
    assert await shop.services.evidence.list_for(first) == []


async def test_the_word_is_for_exactly_this_and_once(shop: Shop, first: Principal):
    """Another minute, another basis, another agency behind it, a second time: nothing."""
    _, wanted = await confirmed(shop, first, wish(shop))
    ask, longer = shop.services.evidence.ask, wanted.t1 + timedelta(seconds=1)
    others = ({"t1": longer}, {"legal_basis": "warrant 8"}, {"on_behalf_of": "Another"}, {"confirmation_id": "emg_1"})
    for change in others:
        with pytest.raises(DeniedError):
            await ask(first, replace(wanted, **change))
    assert (await ask(first, wanted)).second_id
    with pytest.raises((DeniedError, ConflictError)):
        await ask(first, wanted)
    assert len(await shop.services.evidence.list_for(first)) == 1


async def test_nobody_asks_for_another_agency_by_two(shop: Shop, first: Principal):
    """Said at once, before anybody is asked."""
    with pytest.raises(ConflictError):
        await shop.services.console.seconds.ask_for_recording(first, wish(shop, on_behalf_of="Another"))


async def grant_of(shop: Shop, request: ClipRequest) -> str:
    """What the site would be sent."""
    grants: SharingClipGrants = shop.services.evidence._sites._grants
    return await grants.make(request, fresh="f" * 22, upload_url="https://gw.example/uploads/u", upload_token="t")


async def test_the_grant_says_that_two_asked_and_a_report_is_owed(shop: Shop, first: Principal):
    """Decided again when the site is told; without a second person who may be it, nothing is released."""
    second_id, wanted = await confirmed(shop, first, wish(shop))
    request = await shop.services.evidence.ask(first, wanted)
    assert (await grant_of(shop, request)).count(".") == 2
    assert "report.owed" in await kinds(shop, request.camera_id)

    async with shop.services.database.unit_of_work() as unit:
        held = Membership(shop.operator.organisation_id, frozenset({Role.ADMIN}))
        await shop.services.identity.people._store.put_agency_membership(unit, second_id, held)
        await unit.commit(unaudited="a test's people")
    with pytest.raises(SiteRefusedError):
        await grant_of(shop, request)
