"""Pages of the reports that are owed after emergency access: written at the console, read at the compliance desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.cameras import Cameras
from gateway.edge.requires import requires
from gateway.emergency import TEXT_LENGTH, Report, Reports
from gateway.incidents import Incidents
from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import Principal
from gateway.web import _, after, code_in_words, page, read_form
from partner_agent.wire.clock import Clock

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One report as people read it."""

    report: Report
    camera: str
    incident: str
    is_overdue: bool


class ReportsDesk:
    """Joins reports with what their cameras and incidents are called now."""

    def __init__(self, *, reports: Reports, cameras: Cameras, incidents: Incidents, clock: Clock) -> None:
        self._reports, self._cameras, self._incidents, self._clock = reports, cameras, incidents, clock

    async def lines(self, principal: Principal) -> Sequence[ReportLine]:
        """The agency's, open ones first."""
        return [await self._line(one) for one in await self._reports.of_agency(principal)]

    async def line(self, principal: Principal, report_id: str) -> ReportLine:
        """One.

        Raises:
            NotFoundError: there is none.
        """
        return await self._line(await self._reports.report(principal, report_id))

    async def write(self, principal: Principal, report_id: str, text: str) -> None:
        """Say what happened; raises as `Reports.write`."""
        await self._reports.write(principal, report_id, text)

    async def _line(self, report: Report) -> ReportLine:
        found = await self._cameras.cameras([report.owed.camera_id])
        incident = await self._incidents.find(report.owed.incident_id) if report.owed.incident_id else None
        named = (incident.number or code_in_words(incident.kind.value)) if incident else ""
        camera = found[0].name if found else ""
        return ReportLine(report, camera, named, report.is_overdue(self._clock.now()))


@get("/console/reports", opt=requires("live.view"), include_in_schema=False)
async def reports_page(
    request: AnyRequest, principal: NamedDependency[Principal], reports_desk: NamedDependency[ReportsDesk]
) -> Template:
    """What is owed, and what was written."""
    return _list(request, await reports_desk.lines(principal), theme="dark", base="/console/reports")


@get("/console/reports/{report_id:str}", opt=requires("live.view"), include_in_schema=False)
async def report_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    reports_desk: NamedDependency[ReportsDesk],
    report_id: FromPath[str],
) -> Template:
    """One, to be written."""
    return _one(request, await reports_desk.line(principal, report_id), theme="dark")


@post("/console/reports/{report_id:str}", opt=requires("live.view"), status_code=200, include_in_schema=False)
async def write_report(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    reports_desk: NamedDependency[ReportsDesk],
    report_id: FromPath[str],
) -> Template | Redirect:
    """Say what happened."""
    form = await read_form(request, "text")
    try:
        await reports_desk.write(principal, report_id, form.given("text"))
    except LenspactError as error:
        shown = await reports_desk.line(principal, report_id)
        return _one(request, shown, theme="dark", values=form.values, error=error)
    return after("/console/reports", "report-written")


@get("/oversight/reports", opt=requires("oversight.read"), include_in_schema=False)
async def reviewed_reports_page(
    request: AnyRequest, principal: NamedDependency[Principal], reports_desk: NamedDependency[ReportsDesk]
) -> Template:
    """The same for compliance: what is overdue comes first."""
    return _list(request, await reports_desk.lines(principal), base="/oversight/reports")


@get("/oversight/reports/{report_id:str}", opt=requires("oversight.read"), include_in_schema=False)
async def reviewed_report_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    reports_desk: NamedDependency[ReportsDesk],
    report_id: FromPath[str],
) -> Template:
    """One, to be read."""
    return _one(request, await reports_desk.line(principal, report_id), may_write=False)


def _list(request: AnyRequest, lines: Sequence[ReportLine], *, base: str, **look: Any) -> Template:
    return page("reports/list.html", request, title=_("Reports"), lines=lines, base=base, **look)


def _one(request: AnyRequest, shown: ReportLine, *, may_write: bool = True, **form: Any) -> Template:
    return page(
        "reports/report.html",
        request,
        title=_("Report after emergency access"),
        shown=shown,
        may_write=may_write,
        text_length=TEXT_LENGTH,
        **form,
    )


PAGES: Final = (reports_page, report_page, write_report, reviewed_reports_page, reviewed_report_page)
