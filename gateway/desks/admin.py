"""The administrators' desk: is everything healthy, and who may do what."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from gateway.desks.agreements import AGREEMENTS
from gateway.desks.ordinance import ORDINANCE
from gateway.edge.health import Probe, readiness
from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.requires import requires
from gateway.identity import Identity
from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import Principal, Role
from gateway.sharing import Sharing
from gateway.web import _, after, page, read_form

AnyRequest = Request[Any, Any, Any]

ROLES: Final = (
    (Role.OPERATOR, "Operator"),
    (Role.SUPERVISOR, "Supervisor"),
    (Role.COMPLIANCE, "Compliance"),
    (Role.ADMIN, "Administrator"),
    (Role.CAPTAIN, "Captain or higher: a mark, for ordinances that ask for one as the second person"),
    (Role.SECOND, "Second person for the ordinance, from outside"),
    (Role.FIRE, "Fire service"),
    (Role.EMS, "Emergency medical service"),
    (Role.EMERGENCY_MANAGEMENT, "Emergency management"),
    (Role.TRANSPORT, "Transport"),
    (Role.FEDERAL, "Federal officer, also of a task force"),
)
# What a failing check means to an administrator, and what to do.
MEANINGS: dict[str, tuple[str, str]] = {
    "database": ("The database takes changes", "Check that the disk is not full and the database server runs."),
    "migrations": ("The database fits this program", "Stop the gateway, run lenspact migrate, start it again."),
    "freshness": (
        "What owners take back arrives here at once",
        "No new video starts until it does. Check that the database server runs and is not overloaded.",
    ),
    "ordinance": (
        "The ordinance that was approved last is read here",
        "Nothing is shown until it is. Update this gateway, or have a pack approved that every gateway reads.",
    ),
    "relay": ("Live pictures can be passed on", "Look into the relay's log; the gateway starts it again by itself."),
    "log": ("The log is being signed", "No new video starts until it is. Look into the gateway's log."),
    "keys": ("The gateway's keys are good", "Run lenspact doctor; it names the key."),
}


class Invitation(StrictInput, frozen=True):
    """A new person of the agency."""

    email: Line
    name: Line
    roles: list[Role] = msgspec.field(default_factory=list)
    unit: OptionalLine = ""


class RoleChoice(StrictInput, frozen=True):
    """What a person may do from now on."""

    roles: list[Role] = msgspec.field(default_factory=list)
    unit: OptionalLine = ""


@get("/admin", opt=requires("admin.read"), include_in_schema=False)
async def health_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    probes: NamedDependency[tuple[Probe, ...]],
    sharing: NamedDependency[Sharing],
) -> Template:
    """What works and what does not, worst first."""
    checks = await readiness(probes)
    rows = [(is_fine, *MEANINGS.get(name, (name, ""))) for name, is_fine in checks.items()]
    is_stopped = await sharing.is_suspended()
    is_editor = Role.ADMIN in principal.roles
    return page(
        "admin/health.html",
        request,
        title=_("Health"),
        checks=sorted(rows),
        is_stopped=is_stopped,
        is_editor=is_editor,
    )


@post("/admin/sharing/stop", opt=requires("admin.edit"), status_code=200, include_in_schema=False)
async def stop_network(
    request: AnyRequest, principal: NamedDependency[Principal], sharing: NamedDependency[Sharing]
) -> Redirect:
    """Nothing is shown to anybody until it is switched on again."""
    await read_form(request)
    await sharing.suspend(principal, is_suspended=True)
    return after("/admin", "network-stopped")


@post("/admin/sharing/again", opt=requires("admin.edit"), status_code=200, include_in_schema=False)
async def start_network(
    request: AnyRequest, principal: NamedDependency[Principal], sharing: NamedDependency[Sharing]
) -> Redirect:
    """What each owner says counts again."""
    await read_form(request)
    await sharing.suspend(principal, is_suspended=False)
    return after("/admin", "network-again")


@get("/admin/people", opt=requires("admin.read"), include_in_schema=False)
async def people_page(request: AnyRequest, identity: NamedDependency[Identity]) -> Template:
    """Everybody of the agency."""
    return await _people_page(request, identity)


@post("/admin/people", opt=requires("admin.edit"), include_in_schema=False)
async def invite(
    request: AnyRequest,
    data: URLEncodedBody[Invitation],
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Invite a person by mail."""
    try:
        await identity.people.invite(
            email=data.email, name=data.name, roles=frozenset(data.roles), unit_name=data.unit, by=principal
        )
    except LenspactError as error:
        values: dict[str, object] = {"email": data.email, "name": data.name, "unit": data.unit, "roles": data.roles}
        return await _people_page(request, identity, error, values)
    return after("/admin/people", "user-invited")


@post("/admin/people/{person_id:str}/roles", opt=requires("admin.edit"), include_in_schema=False)
async def change_roles(
    person_id: FromPath[str],
    data: URLEncodedBody[RoleChoice],
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
) -> Redirect:
    """Give a person exactly these roles."""
    await identity.people.change_roles(person_id, frozenset(data.roles), unit_name=data.unit, by=principal)
    return after("/admin/people", "user-changed")


@post("/admin/people/{person_id:str}/invite", opt=requires("admin.edit"), include_in_schema=False)
async def invite_again(
    person_id: FromPath[str], principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> Redirect:
    """A new invitation for somebody who lost password or phone."""
    await identity.people.invite_again(person_id, by=principal)
    return after("/admin/people", "user-invited")


@post("/admin/people/{person_id:str}/suspend", opt=requires("admin.edit"), include_in_schema=False)
async def suspend(
    person_id: FromPath[str], principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> Redirect:
    """Let a person in no more."""
    await identity.people.suspend(person_id, by=principal)
    return after("/admin/people", "user-suspended")


@post("/admin/people/{person_id:str}/restore", opt=requires("admin.edit"), include_in_schema=False)
async def restore(
    person_id: FromPath[str], principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> Redirect:
    """Let a suspended person in again."""
    await identity.people.restore(person_id, by=principal)
    return after("/admin/people", "user-restored")


HANDLERS: Final = (health_page, people_page, invite, invite_again, change_roles, suspend, restore)


def admin_routes() -> Router:
    """Every page of this desk."""
    return Router("/", route_handlers=[*HANDLERS, stop_network, start_network, *AGREEMENTS, *ORDINANCE])


async def _people_page(
    request: AnyRequest,
    identity: Identity,
    error: LenspactError | None = None,
    values: dict[str, object] | None = None,
) -> Template:
    errors = (error.fields or {"form": error.sentence}) if error else {}
    return page(
        "admin/people.html",
        request,
        title=_("People"),
        status_code=422 if error else 200,
        values=values,
        errors=errors,
        users=await identity.people.users(),
        roles=ROLES,
    )
