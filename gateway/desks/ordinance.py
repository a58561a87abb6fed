"""The ordinance's pages: every rule in force in words, with its citation; a new pack, what it loosens, two people."""

import json
from contextlib import suppress
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import Principal, Role
from gateway.sharing import InForce, Ordinances, Progress, lines, say_added, say_limits, say_loosened
from gateway.web import _, after, page, read_form
from policies import packs
from policies.fields import PolicyError
from policies.strictness import loosened

AnyRequest = Request[Any, Any, Any]
BODY_LENGTH: Final = 48_000


@get("/admin/ordinance", opt=requires("ordinance.read"), include_in_schema=False)
async def ordinance_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    ordinances: NamedDependency[Ordinances],
    ordinance: NamedDependency[InForce],
    start: FromQuery[str] = "",
) -> Template:
    """What is in force, rule by rule; what waits; and the form for another pack, filled with one that ships with us."""
    text = _pretty(packs.load_document("ordinances", f"{start}/pack.json")) if start in packs.ordinances() else ""
    return await _page(request, principal, ordinances, ordinance, values={"body": text})


@post("/admin/ordinance", opt=requires("admin.edit"), status_code=200, include_in_schema=False)
async def propose(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    ordinances: NamedDependency[Ordinances],
    ordinance: NamedDependency[InForce],
) -> Template | Redirect:
    """Propose a pack."""
    form = await read_form(request, "body")
    text = form.prose("body", most=BODY_LENGTH)
    try:
        form.check()
        proposal = await ordinances.propose(principal, text)
    except LenspactError as error:
        return await _page(request, principal, ordinances, ordinance, values={"body": text}, error=error)
    return after(f"/admin/ordinance/{proposal.id}", "ordinance-proposed")


@get("/admin/ordinance/{proposal_id:str}", opt=requires("ordinance.read"), include_in_schema=False)
async def proposal_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    ordinances: NamedDependency[Ordinances],
    ordinance: NamedDependency[InForce],
    proposal_id: FromPath[str],
) -> Template:
    """A proposed pack, what it adds, and what it loosens."""
    return await _proposal_page(request, principal, ordinances, ordinance, proposal_id)


@post("/admin/ordinance/{proposal_id:str}", opt=requires("ordinance.decide"), status_code=200, include_in_schema=False)
async def decide(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    ordinances: NamedDependency[Ordinances],
    ordinance: NamedDependency[InForce],
    proposal_id: FromPath[str],
) -> Template | Redirect:
    """Approve what somebody else proposed, or decline."""
    form = await read_form(request, "answer")
    try:
        answer = form.choice("answer", ["approve", "decline"])
        form.check()
        await ordinances.decide(principal, proposal_id, is_approved=answer == "approve")
    except LenspactError as error:
        return await _proposal_page(request, principal, ordinances, ordinance, proposal_id, error=error)
    return after("/admin/ordinance", "ordinance-approved" if answer == "approve" else "ordinance-declined")


ORDINANCE: Final = (ordinance_page, propose, proposal_page, decide)


async def _page(
    request: AnyRequest, principal: Principal, ordinances: Ordinances, ordinance: InForce, **form: Any
) -> Template:
    with suppress(PolicyError):  # the page says so
        await ordinance.take_over()  # what was approved a moment ago, here or in another process, is what it shows
    pack = ordinance.pack
    waiting = [one for one in await ordinances.proposals() if one.state is Progress.PROPOSED]
    return page(
        "admin/ordinance.html",
        request,
        title=_("The ordinance in force"),
        pack=pack,
        lines=lines(pack),
        limits=say_limits(pack.limits),
        is_behind=ordinance.is_behind,
        waiting=[(one, one.pack.title) for one in waiting],
        shipped=[(name, packs.ordinance(name)) for name in packs.ordinances()],
        length=BODY_LENGTH,
        is_admin=Role.ADMIN in principal.roles,
        **form,
    )


async def _proposal_page(
    request: AnyRequest,
    principal: Principal,
    ordinances: Ordinances,
    ordinance: InForce,
    proposal_id: str,
    **form: Any,
) -> Template:
    proposal = await ordinances.proposal(proposal_id)
    pack, held = proposal.pack, ordinance.pack
    return page(
        "admin/ordinance_proposal.html",
        request,
        title=pack.title,
        proposal=proposal,
        pack=pack,
        lines=lines(pack),
        limits=say_limits(pack.limits),
        loosened=say_loosened(loosened(held, pack)),
        added=say_added(loosened(pack, held)),
        is_waiting=proposal.state is Progress.PROPOSED,
        is_own=proposal.proposed_by == principal.person_id,
        may_decide=bool(principal.roles & {Role.ADMIN, Role.SECOND}),
        **form,
    )


def _pretty(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
