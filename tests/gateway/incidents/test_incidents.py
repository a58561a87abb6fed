"""Incidents: who may open them, how they move, how they end."""

from dataclasses import dataclass, field

import pytest

from gateway.audit import Query
from gateway.incidents import Incident, IncidentReport, Incidents, IncidentStatus, topic_of
from gateway.incidents.model import GRACE_S, MAX_STOPS, REOPEN_S, UNNUMBERED_S
from gateway.incidents.store import SqlIncidents
from gateway.kernel.database import Database
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
)
from gateway.kernel.principal import Principal, PrincipalKind, Role
from policies.vocabulary import IncidentKind, Origin
from tests.support.log_bench import LogBench

OPERATOR = Principal(PrincipalKind.AGENCY, "per_" + "1" * 26, "age_" + "1" * 26, frozenset({Role.OPERATOR}))
STRANGER = Principal(PrincipalKind.AGENCY, "per_" + "2" * 26, "age_" + "2" * 26, frozenset({Role.OPERATOR}))


def report(**changes) -> IncidentReport:
    """A robbery downtown, opened by hand, with a number."""
    values = {"kind": IncidentKind.ROBBERY, "origin": Origin.HAND, "lat": 41.881, "lon": -87.63, "number": "26-1"}
    return IncidentReport(**(values | changes))


@dataclass
class Bench:
    log: LogBench
    incidents: Incidents = field(init=False)

    def __post_init__(self) -> None:
        self.incidents = Incidents(
            database=self.log.database,
            rows=SqlIncidents(self.log.database),
            log=self.log.log,
            publisher=self.log.bus,
            clock=self.log.clock,
            ids=self.log.ids,
        )

    async def kinds(self, incident: Incident) -> list[str]:
        page = await self.log.log.find(Query(streams=frozenset({incident.id})))
        return [entry.kind for entry in reversed(page.entries)]


@pytest.fixture
def bench(database: Database) -> Bench:
    """Incidents over a database of the test's own."""
    return Bench(LogBench(database))


@pytest.mark.anyio
async def test_a_person_cannot_speak_for_the_911_centre(bench: Bench):
    """Only the dispatch feed opens an incident of origin cad or alert."""
    for origin in (Origin.CAD, Origin.ALERT):
        with pytest.raises(DeniedError):
            await bench.incidents.open(OPERATOR, report(origin=origin))


@pytest.mark.anyio
async def test_a_feed_cannot_speak_for_a_person(bench: Bench):
    """A feed that claims an incident was opened by hand is refused."""
    with pytest.raises(DeniedError):
        await bench.incidents.feed(OPERATOR.organisation_id, report(origin=Origin.HAND))


@pytest.mark.anyio
async def test_another_agency_s_incident_does_not_exist(bench: Bench):
    """Reading, moving, numbering and closing another agency's incident give the same not-found."""
    incident = await bench.incidents.open(OPERATOR, report())
    for attempt in (
        bench.incidents.incident(STRANGER, incident.id),
        bench.incidents.close(STRANGER, incident.id),
        bench.incidents.give_number(STRANGER, incident.id, "1"),
        bench.incidents.move(STRANGER, incident.id, lat=41.0, lon=-87.0, address=""),
    ):
        with pytest.raises(NotFoundError):
            await attempt

    assert await bench.incidents.recent(STRANGER) == []


@pytest.mark.anyio
async def test_an_incident_is_opened_and_kept_whole(bench: Bench):
    """What was reported is read back, with its leaf."""
    incident = await bench.incidents.open(OPERATOR, report(address="100 W Lake St"))

    assert await bench.incidents.incident(OPERATOR, incident.id) == incident
    assert await bench.kinds(incident) == ["incident.opened"]


@pytest.mark.anyio
async def test_one_call_number_is_one_open_incident(bench: Bench):
    """A second open incident of the same number is a conflict; after closing, the number is free."""
    first = await bench.incidents.open(OPERATOR, report())
    with pytest.raises(ConflictError):
        await bench.incidents.open(OPERATOR, report())
    await bench.incidents.close(OPERATOR, first.id)

    await bench.incidents.open(OPERATOR, report())


@pytest.mark.anyio
async def test_the_feed_moves_the_incident_it_knows(bench: Bench):
    """News of a known call number adds a place instead of an incident; the same place changes nothing."""
    agency = OPERATOR.organisation_id
    first = await bench.incidents.feed(agency, report(origin=Origin.CAD))
    again = await bench.incidents.feed(agency, report(origin=Origin.CAD))
    moved = await bench.incidents.feed(agency, report(origin=Origin.CAD, lat=41.9))

    assert again == first
    assert (moved.id, len(moved.stops)) == (first.id, 2)
    assert moved.fact(bench.log.clock.now()).has_moved
    assert await bench.incidents.incident(OPERATOR, first.id) == moved
    assert await bench.kinds(first) == ["incident.opened", "incident.changed"]


@pytest.mark.anyio
async def test_an_incident_does_not_move_for_ever(bench: Bench):
    """After its last allowed place an incident cannot move again."""
    incident = await bench.incidents.open(OPERATOR, report())
    for step in range(1, MAX_STOPS):
        await bench.incidents.move(OPERATOR, incident.id, lat=41.8 + step / 1000, lon=-87.6, address="")
    with pytest.raises(ConflictError):
        await bench.incidents.move(OPERATOR, incident.id, lat=41.7, lon=-87.6, address="")


@pytest.mark.anyio
async def test_closing_wakes_whoever_holds_views(bench: Bench):
    """A closed incident is announced, and stays active only for its grace time."""
    incident = await bench.incidents.open(OPERATOR, report())
    with bench.log.bus.subscribe(topic_of(incident.id)) as heard:
        closed = await bench.incidents.close(OPERATOR, incident.id)

        assert (await heard.get()).ref == incident.id
    assert closed.is_active(bench.log.clock.now())
    bench.log.clock.advance(GRACE_S)
    assert not closed.is_active(bench.log.clock.now())
    with pytest.raises(ConflictError):
        await bench.incidents.close(OPERATOR, incident.id)


@pytest.mark.anyio
async def test_no_number_yet_ends_by_itself_and_goes_to_review(bench: Bench):
    """After fifteen minutes without a number it carries nothing, is closed by the sweep and waits for review."""
    incident = await bench.incidents.open(OPERATOR, report(number=""))
    bench.log.clock.advance(UNNUMBERED_S - 1)
    assert incident.is_active(bench.log.clock.now())
    assert await bench.incidents.sweep() == 0
    bench.log.clock.advance(1)
    assert not incident.is_active(bench.log.clock.now())
    assert await bench.incidents.sweep() == 1
    after = await bench.incidents.incident(OPERATOR, incident.id)

    assert (after.status, after.needs_review) == (IncidentStatus.CLOSED, True)
    assert not after.is_active(bench.log.clock.now())  # no grace for what never was


@pytest.mark.anyio
async def test_a_number_given_in_time_keeps_it_open(bench: Bench):
    """With a number it no longer ends by itself; a second, different number is a conflict."""
    incident = await bench.incidents.open(OPERATOR, report(number=""))
    await bench.incidents.give_number(OPERATOR, incident.id, "26-7")
    bench.log.clock.advance(UNNUMBERED_S * 2)

    assert await bench.incidents.sweep() == 0
    with pytest.raises(ConflictError):
        await bench.incidents.give_number(OPERATOR, incident.id, "26-8")


@pytest.mark.parametrize("changes", [{"lat": 91.0}, {"lon": 180.0}, {"address": "x" * 201}, {"number": "9" * 41}])
def test_an_impossible_report_says_which_field(changes):
    """A place off the Earth or an endless text is refused with the field named."""
    with pytest.raises(InvalidError) as refused:
        report(**changes)

    assert refused.value.fields


@pytest.mark.anyio
async def test_a_planned_event_needs_no_number(bench: Bench):
    """It was known before, so it neither ends by itself nor waits for review."""
    incident = await bench.incidents.open(OPERATOR, report(number="", origin=Origin.PLANNED))
    bench.log.clock.advance(UNNUMBERED_S * 2)

    assert await bench.incidents.sweep() == 0
    assert incident.is_active(bench.log.clock.now())
    assert not (await bench.incidents.close(OPERATOR, incident.id)).needs_review


@pytest.mark.anyio
async def test_a_closed_incident_may_go_on_for_a_day(bench: Bench):
    """Later it is a new one; an open one cannot be opened; another agency's is not there."""
    incident = await bench.incidents.open(OPERATOR, report())
    with pytest.raises(ConflictError):
        await bench.incidents.reopen(OPERATOR, incident.id)
    await bench.incidents.close(OPERATOR, incident.id)
    with pytest.raises(NotFoundError):
        await bench.incidents.reopen(STRANGER, incident.id)
    again = await bench.incidents.reopen(OPERATOR, incident.id)
    assert again.is_active(bench.log.clock.now())

    await bench.incidents.close(OPERATOR, incident.id)
    bench.log.clock.advance(REOPEN_S)
    with pytest.raises(ConflictError):
        await bench.incidents.reopen(OPERATOR, incident.id)


@pytest.mark.anyio
async def test_opening_again_is_no_way_around_the_number(bench: Bench):
    """What ended for want of one goes on only once it has one, and its review stays due in the log."""
    incident = await bench.incidents.open(OPERATOR, report(number=""))
    bench.log.clock.advance(UNNUMBERED_S)
    await bench.incidents.sweep()
    with pytest.raises(PreconditionError):
        await bench.incidents.reopen(OPERATOR, incident.id)

    await bench.incidents.give_number(OPERATOR, incident.id, "26-9")
    again = await bench.incidents.reopen(OPERATOR, incident.id)

    assert again.is_active(bench.log.clock.now())
    assert again.needs_review
    assert await bench.incidents.sweep() == 0


@pytest.mark.anyio
async def test_the_most_urgent_comes_first(bench: Bench):
    """Open ones by priority, then those that are closed."""
    low = await bench.incidents.open(OPERATOR, report(number="1", priority=5))
    high = await bench.incidents.open(OPERATOR, report(number="2", priority=1))
    closed = await bench.incidents.open(OPERATOR, report(number="3", priority=1))
    await bench.incidents.close(OPERATOR, closed.id)

    assert [i.id for i in await bench.incidents.recent(OPERATOR)] == [high.id, low.id, closed.id]


@pytest.mark.anyio
async def test_only_a_known_key_speaks_for_a_feed(bench: Bench):
    """Missing, wrong and removed keys are the same to the sender; a feed has one name."""
    agency = OPERATOR.organisation_id
    key = await bench.incidents.add_feed(agency, "county-cad", by=OPERATOR)
    assert (await bench.incidents.feed_of(f"Bearer {key}")).agency_id == agency
    with pytest.raises(ConflictError):
        await bench.incidents.add_feed(agency, "county-cad", by=OPERATOR)

    for wrong in ("", key, "Bearer ", f"Basic {key}", f"Bearer {key}x"):
        with pytest.raises(UnauthenticatedError):
            await bench.incidents.feed_of(wrong)
    await bench.incidents.remove_feed(agency, "county-cad", by=OPERATOR)
    with pytest.raises(UnauthenticatedError):
        await bench.incidents.feed_of(f"Bearer {key}")
    with pytest.raises(NotFoundError):
        await bench.incidents.remove_feed(agency, "county-cad", by=OPERATOR)
