"""The owner's pages about the agent on site: type its code, tick its cameras, see what is wrong, take its key away."""

import hashlib
from typing import Annotated, Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, ServerSentEvent, Template

from gateway.edge.requires import requires
from gateway.kernel.bus import MemoryBus
from gateway.kernel.errors import ConflictError, LimitedError, NotFoundError
from gateway.kernel.principal import Principal, Role
from gateway.sites.agents import Progress
from gateway.sites.build import Sites
from gateway.sites.model import Enrolment, read_user_code, write_user_code
from gateway.sites.ports import Site
from gateway.web import _, after, change_stream, page, read_form
from partner_agent.wire import canonical
from partner_agent.wire.keyset import root_words
from partner_agent.wire.phrases import say

AnyRequest = Request[Any, Any, Any]
Code = Annotated[str, QueryParameter(name="code")]

_KEY_WORDS: Final = 6  # 48 bits: enough to see on two screens that it is the machine in front of you
_TICK: Final = "camera "  # form field: this and the agent's own id of the camera

# What the top of the site's page says, by progress: badge, heading, what to do.
PROGRESS: Final[dict[Progress, tuple[str, str, str]]] = {
    Progress.NONE: ("unavailable", "No agent yet", "Install the agent beside your recorder, then type its code here."),
    Progress.WAITING_FOR_SITE: ("ask", "Waiting for the site", "Compare the twelve words on the agent's screen."),
    Progress.OFFLINE: ("offline", "Offline", "Nobody can look through this site while it is offline."),
    Progress.QUARANTINED: ("unavailable", "Held back", "Nothing is released until you clear this on site."),
    Progress.PAUSED: ("unavailable", "Paused on site", "Only the site can resume."),
    Progress.NOTHING_TICKED: ("unavailable", "Connected", "Say below which of your cameras these are."),
    Progress.WAITING_FOR_APPROVAL: ("ask", "Waiting for your site to confirm", "Approve your rules on the agent."),
    Progress.NOTHING_IN_FORCE: ("unavailable", "Connected, nothing shared", "Choose what is shared."),
    Progress.READY: ("permitted", "Connected", "Your rules are in force on site."),
}


@get("/pair", opt=requires("agent.enrol"), include_in_schema=False, sync_to_thread=False)
def short_address(code: Code = "") -> Redirect:
    """The address agents show, short enough to type."""
    return Redirect("/portal/pair" + _query(code), status_code=303)


@get("/portal/pair", opt=requires("agent.enrol"), include_in_schema=False)
async def choose_site(
    request: AnyRequest, principal: NamedDependency[Principal], sites: NamedDependency[Sites], code: Code = ""
) -> Template | Redirect:
    """Where is the agent? Asked only if there are several places."""
    found = await sites.directory.sites_of(principal.organisation_id)
    if not found:
        return Redirect("/portal/sites/new", status_code=303)
    if len(found) == 1:
        return Redirect(f"/portal/sites/{found[0].id}/pair{_query(code)}", status_code=303)
    return page("sites/choose.html", request, title=_("Connect a site"), sites=found, query=_query(code))


@get("/portal/sites/{site_id:str}/pair", opt=requires("agent.enrol"), include_in_schema=False)
async def pair_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
    code: Code = "",
) -> Template:
    """Type the code; a code in the address only fills the field."""
    site = await sites.directory.site_of(principal.organisation_id, site_id)
    return _code_page(request, site, values={"code": _shown(code)})


@post("/portal/sites/{site_id:str}/pair", opt=requires("agent.enrol"), status_code=200, include_in_schema=False)
async def pair(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Template | Redirect:
    """First show whose code it is, then, once the owner said that it is theirs, accept it."""
    form = await read_form(request, "code", "step")
    site = await sites.directory.site_of(principal.organisation_id, site_id)
    typed = form.line("code", most=40)
    try:
        form.check()
        if form.given("step") == "confirm":
            await sites.enrolments.approve(principal, site, typed)
            return after(f"/portal/sites/{site.id}/agent", "pairing-accepted")
        found = await sites.enrolments.look(principal, typed)
    except (NotFoundError, LimitedError) as error:
        return _code_page(request, site, values=form.values, errors={"code": error.sentence}, status_code=422)
    replaced = await sites.agents.agent_of(site.id)
    return page(
        "sites/confirm.html",
        request,
        title=_("Is this your agent?"),
        site=site,
        code=_shown(typed),
        agent=found,
        replaced=replaced,
        key_words=_key_words(found),
        words=root_words(sites.key_sets.root),
    )


@get("/portal/sites/{site_id:str}/agent", opt=requires("portal.read"), include_in_schema=False)
async def agent_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Template:
    """How the site is doing, and which camera is which."""
    return await _agent_page(request, principal, sites, site_id)


@post(
    "/portal/sites/{site_id:str}/agent/cameras", opt=requires("agent.enrol"), status_code=200, include_in_schema=False
)
async def tick(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Save which registered camera each of the agent's cameras is."""
    view = await sites.agents.view(principal.organisation_id, site_id)
    names = {_TICK + camera.local_id: camera.local_id for camera in view.cameras}
    form = await read_form(request, *names)
    choices = {local_id: form.given(name) for name, local_id in names.items() if name in form.values}
    try:
        await sites.agents.tick(principal, site_id, choices)
    except ConflictError as error:
        return await _agent_page(request, principal, sites, site_id, values=form.values, error=error.sentence)
    return after(f"/portal/sites/{site_id}/agent", "cameras-ticked")


@get("/portal/sites/{site_id:str}/agent/remove", opt=requires("portal.own"), include_in_schema=False)
async def remove_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Template:
    """What taking the key away means."""
    site = await sites.directory.site_of(principal.organisation_id, site_id)
    return page("sites/remove.html", request, title=_("Disconnect this agent"), site=site)


@post("/portal/sites/{site_id:str}/agent/remove", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def remove(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Redirect:
    """Take the agent's key away."""
    await read_form(request)
    await sites.agents.revoke(principal, site_id)
    return after(f"/portal/sites/{site_id}/agent", "agent-removed")


@get("/portal/sites/{site_id:str}/agent/events", opt=requires("portal.read", deadline_s=None), include_in_schema=False)
async def events(
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    bus: NamedDependency[MemoryBus],
    site_id: FromPath[str],
) -> ServerSentEvent:
    """Says `changed` when something about the site changed; the page then reads again."""
    site = await sites.directory.site_of(principal.organisation_id, site_id)
    return change_stream(bus, f"site.{site.id}")


PAGES: Final = (short_address, choose_site, pair_page, pair, agent_page, tick, remove_page, remove, events)


async def _agent_page(
    request: AnyRequest,
    principal: Principal,
    sites: Sites,
    site_id: str,
    *,
    values: dict[str, str] | None = None,
    error: str = "",
) -> Template:
    view = await sites.agents.view(principal.organisation_id, site_id)
    badge, heading, advice = PROGRESS[view.progress]
    return page(
        "sites/agent.html",
        request,
        title=view.site.name,
        status_code=422 if error else 200,
        values=values,
        errors={"cameras": error} if error else {},
        view=view,
        badge=badge,
        heading=heading,
        advice=advice,
        troubles=view.troubles,
        tick_field=_TICK,
        words=root_words(sites.key_sets.root),
        may_remove=Role.OWNER in principal.roles,
    )


def _code_page(request: AnyRequest, site: Site, **shown: Any) -> Template:
    return page("sites/code.html", request, title=_("Connect your site"), site=site, **shown)


def _key_words(enrolment: Enrolment) -> tuple[str, ...]:
    return say(hashlib.sha256(canonical.encode(enrolment.jwk)).digest()[:_KEY_WORDS])


def _shown(code: str) -> str:
    letters = read_user_code(code)
    return write_user_code(letters) if letters else ""


def _query(code: str) -> str:
    return f"?code={_shown(code)}" if _shown(code) else ""
