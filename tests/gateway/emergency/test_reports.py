"""Reports that are owed after a view: by whom, by when, and what is in the log when they do not come."""

import dataclasses
from datetime import timedelta

import pytest

from gateway.audit import Query
from gateway.emergency import DAYS, TEXT_LENGTH, Owed, Reports
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from gateway.kernel.principal import Role
from tests.support.live import AGENCY, CAMERA, INCIDENT, OPERATOR, ORGANISATION, OTHER, SUPERVISOR, made_up
from tests.support.partners import world

pytestmark = pytest.mark.anyio
OWED = Owed(
    agency_id=AGENCY,
    incident_id=INCIDENT,
    session_id=made_up("ses", 1),
    camera_id=CAMERA,
    organisation_id=ORGANISATION,
    person_id=OPERATOR.person_id,
)


class Bench:
    """Reports over a real log."""

    def __init__(self, database, clock, ids):
        self.w, self.database, self.clock = world(database, clock=clock, ids=ids), database, clock
        self.reports = Reports(database=database, log=self.w.audit, clock=clock, ids=ids)

    async def owe(self, **changes):
        async with self.database.unit_of_work() as unit:
            is_new = await self.reports.owe(unit, dataclasses.replace(OWED, **changes))
            await unit.commit(unaudited="a test: the view has the leaf")
        return is_new

    async def kinds(self):
        found = await self.w.audit.find(Query(), limit=200)
        return [e.kind for e in reversed(found.entries) if e.kind.startswith("report.")]


@pytest.fixture
async def bench(database, clock, ids):
    """On both databases."""
    return Bench(database, clock, ids)


async def test_one_incident_owes_one_report(bench: Bench):
    """Ten cameras of one emergency are one report; another agency's, or a view without an incident, is its own."""
    assert await bench.owe()
    assert not await bench.owe(session_id=made_up("ses", 2))
    assert await bench.owe(incident_id="", session_id=made_up("ses", 3))

    (first, second) = await bench.reports.of_agency(OPERATOR)
    assert first.due_at == bench.clock.now() + timedelta(days=DAYS)
    assert {first.owed.incident_id, second.owed.incident_id} == {INCIDENT, ""}
    assert await bench.kinds() == ["report.owed", "report.owed"]


async def test_who_does_not_write_it(bench: Bench):
    """A colleague who did not look; another agency does not know of it."""
    await bench.owe()
    (one,) = await bench.reports.of_agency(OPERATOR)

    with pytest.raises(DeniedError):
        await bench.reports.write(OTHER, one.id, "I was not there.")
    stranger = dataclasses.replace(SUPERVISOR, organisation_id=made_up("age", 7))
    with pytest.raises(NotFoundError):
        await bench.reports.write(stranger, one.id, "Neither was I.")
    compliance = dataclasses.replace(OTHER, roles=frozenset({Role.COMPLIANCE}))
    with pytest.raises(DeniedError):
        await bench.reports.write(compliance, one.id, "I review it.")


@pytest.mark.parametrize("text", ["", "   \n", "x" * (TEXT_LENGTH + 1)])
async def test_an_empty_or_endless_report_is_none(bench: Bench, text: str):
    """The sentence stands at the field."""
    await bench.owe()
    (one,) = await bench.reports.of_agency(OPERATOR)

    with pytest.raises(InvalidError) as error:
        await bench.reports.write(OPERATOR, one.id, text)

    assert set(error.value.fields) == {"text"}


async def test_a_report_is_written_once(bench: Bench):
    """Nobody changes it afterwards; the log holds its digest, and a later view owes a new one."""
    await bench.owe()
    (one,) = await bench.reports.of_agency(OPERATOR)
    await bench.reports.write(SUPERVISOR, one.id, "We saw the car leave north.")

    with pytest.raises(ConflictError):
        await bench.reports.write(OPERATOR, one.id, "We saw nothing.")

    assert (await bench.reports.report(OPERATOR, one.id)).text == "We saw the car leave north."
    assert await bench.owe(session_id=made_up("ses", 2))
    assert await bench.kinds() == ["report.owed", "report.written", "report.owed"]


async def test_an_overdue_report_says_so_once(bench: Bench):
    """On its day, in the log, for everybody who counts; written late it stays late."""
    await bench.owe(days=7)
    (one,) = await bench.reports.of_agency(OPERATOR)
    bench.clock.advance(7 * 86_400 - 1)
    assert await bench.reports.sweep() == 0
    bench.clock.advance(1)

    assert [await bench.reports.sweep(), await bench.reports.sweep()] == [1, 0]
    assert one.is_overdue(bench.clock.now())
    await bench.reports.write(OPERATOR, one.id, "Late, but here.")
    assert await bench.kinds() == ["report.owed", "report.overdue", "report.written"]
    (entry,) = (await bench.w.audit.find(Query(kinds=frozenset({"report.written"})))).entries
    assert entry.said("is_late") is True
