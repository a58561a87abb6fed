"""Reports in a real browser: the operator writes one, nothing typed is lost, compliance reads it."""

from dataclasses import replace

import pytest

from gateway.desks.reports import PAGES, ReportsDesk
from gateway.emergency import Owed, Reports
from gateway.incidents import Incidents
from gateway.incidents.store import SqlIncidents
from gateway.kernel.principal import Role
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.browser import served, watched
from tests.support.live import AGENCY, CAMERA, INCIDENT, OPERATOR, ORGANISATION, made_up
from tests.support.pages import Caller
from tests.support.partners import world

pytestmark = pytest.mark.browser


def test_a_report_is_owed_written_and_read(chromium, portal, served_database):
    """An empty one is refused at the field; the text is shown to compliance as it was typed; no page has a finding."""
    w = world(served_database, clock=SystemClock(), ids=SystemIds())
    reports = Reports(database=w.database, log=w.audit, clock=w.clock, ids=SystemIds())
    incidents = Incidents(
        database=w.database,
        rows=SqlIncidents(w.database),
        log=w.audit,
        publisher=w.bus,
        clock=w.clock,
        ids=SystemIds(),
    )
    desk = ReportsDesk(reports=reports, cameras=w.cameras, incidents=incidents, clock=w.clock)

    async def owe() -> None:
        owed = Owed(
            agency_id=AGENCY,
            incident_id=INCIDENT,
            session_id=made_up("ses", 1),
            camera_id=CAMERA,
            organisation_id=ORGANISATION,
            person_id=OPERATOR.person_id,
        )
        async with w.database.unit_of_work() as unit:
            await reports.owe(unit, owed)
            await unit.commit()

    portal.call(owe)
    operator = replace(OPERATOR, name="Sam Ortiz")
    caller = Caller(operator)
    app = w.app(caller, more=PAGES, reports_desk=desk)
    with served(app, portal) as origin, watched(chromium, width=390, height=844) as seen:
        seen.page.goto(origin + "/console/reports")
        assert "Owed" in seen.page.inner_text("main")
        assert seen.axe() == []
        seen.page.get_by_role("link", name="No incident").click()
        seen.page.get_by_role("button", name="Hand in the report").click()
        assert "Say what happened" in seen.page.inner_text("#text-error")
        assert seen.axe() == []
        seen.page.fill("[name=text]", "A man with a knife.\nHe left north.")
        seen.page.get_by_role("button", name="Hand in the report").click()
        seen.page.get_by_text("The report is handed in").wait_for()

        caller.principal = replace(operator, roles=frozenset({Role.COMPLIANCE}))
        seen.page.goto(origin + "/oversight/reports")
        seen.page.get_by_role("link", name="No incident").click()
        assert "A man with a knife.\nHe left north." in seen.page.inner_text("main")
        assert seen.page.get_by_role("button", name="Hand in the report").count() == 0
        assert seen.axe() == []
        assert seen.violations() == []
