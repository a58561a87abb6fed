"""Pages of partners: registering, the organisation and its people, the agreement, withdrawal.

A form that cannot be used comes back with its errors beside the fields and with what was typed. Every page is of the
caller's own organisation.
"""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.edge.rate_limit import Limit, RateLimiter, address_prefix
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import ConflictError, LenspactError, NotFoundError
from gateway.kernel.principal import Principal, Role
from gateway.partners.agreement_pages import PAGES as AGREEMENT_PAGES
from gateway.partners.model import ADDRESS_LENGTH, NAME_LENGTH, PARTNER_ROLES, OrganisationKind, Registration
from gateway.partners.service import Partners
from gateway.web import Form, _, after, page, read_form

AnyRequest = Request[Any, Any, Any]

_REGISTRATION: Final = ("kind", "name", "address", "contact_name", "email", "leave_empty")


@get("/register", opt=requires(PUBLIC), sync_to_thread=False, include_in_schema=False)
def register_page(request: AnyRequest) -> Template:
    """The form for newcomers."""
    return page("partners/register.html", request, title=_("Put your cameras on the list"), lengths=_lengths())


@post("/register", opt=requires(PUBLIC), status_code=200, include_in_schema=False)
async def register(
    request: AnyRequest, partners: NamedDependency[Partners], rate_limiter: NamedDependency[RateLimiter]
) -> Template | Redirect:
    """Take the form; the answer is the same whether or not the address is known."""
    form = await read_form(request, *_REGISTRATION)
    try:
        wish = _read_registration(form)
        client = request.client.host if request.client else ""
        address = Limit("address", address_prefix(client), count=20, window_s=3600)
        await rate_limiter.check("register", [address, Limit("account", wish.email, count=5, window_s=3600)])
        if not form.given("leave_empty"):  # a field people do not see; programs fill it in
            await partners.register(wish)
    except LenspactError as error:
        title = _("Put your cameras on the list")
        return page("partners/register.html", request, title=title, values=form.values, error=error, lengths=_lengths())
    return after("/register/sent")


@get("/register/sent", opt=requires(PUBLIC), sync_to_thread=False, include_in_schema=False)
def register_sent(request: AnyRequest) -> Template:
    """What happens next."""
    return page("partners/sent.html", request, title=_("Look at your mail"))


@get("/portal/organisation", opt=requires("portal.read"), include_in_schema=False)
async def organisation_page(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template:
    """Details, people and agreements."""
    return await _organisation_page(request, principal, partners)


@post("/portal/organisation", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def change_organisation(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Correct the details."""
    form = await read_form(request, "name", "address")
    try:
        name, address = form.line("name", most=NAME_LENGTH), form.line("address", most=ADDRESS_LENGTH)
        form.check()
        await partners.change_organisation(principal, name=name, address=address)
    except LenspactError as error:
        return await _organisation_page(request, principal, partners, values=form.values, error=error)
    return after("/portal/organisation", "organisation-saved")


@get("/portal/people/new", opt=requires("portal.own"), sync_to_thread=False, include_in_schema=False)
def person_page(request: AnyRequest) -> Template:
    """The form for another person."""
    return page("partners/person.html", request, title=_("Add a person"))


@post("/portal/people/new", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def add_person(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Add a person, who gets a link by mail."""
    form = await read_form(request, "person_name", "email", "role")
    try:
        name, email = form.line("person_name", most=NAME_LENGTH), form.email("email")
        role = form.choice("role", [r.value for r in PARTNER_ROLES])
        form.check()
        await partners.add_member(principal, name=name, email=email, role=Role(role))
    except LenspactError as error:
        return page("partners/person.html", request, title=_("Add a person"), values=form.values, error=error)
    return after("/portal/organisation", "person-invited")


@get("/portal/people/{person_id:str}/remove", opt=requires("portal.own"), include_in_schema=False)
async def remove_person_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    person_id: FromPath[str],
) -> Template:
    """What removing somebody does."""
    return await _remove_person_page(request, principal, partners, person_id)


@post("/portal/people/{person_id:str}/remove", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def remove_person(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    person_id: FromPath[str],
) -> Template | Redirect:
    """Remove a person."""
    await read_form(request)
    try:
        await partners.remove_member(principal, person_id)
    except ConflictError as error:
        return await _remove_person_page(request, principal, partners, person_id, error=error)
    return after("/portal/organisation", "person-removed")


@get("/portal/withdraw", opt=requires("portal.own"), include_in_schema=False)
async def withdraw_page(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template:
    """What withdrawing deletes, and what stays."""
    return await _withdraw_page(request, principal, partners)


@post("/portal/withdraw", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def withdraw(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Withdraw: the owner types the organisation's name, so that it never happens by a slip."""
    form = await read_form(request, "confirm_name")
    organisation = await partners.organisation(principal.organisation_id)
    try:
        if form.line("confirm_name", most=NAME_LENGTH) != organisation.name:
            form.wrong("confirm_name", "Type the name exactly as it stands above.")
        form.check()
    except LenspactError as error:
        return await _withdraw_page(request, principal, partners, values=form.values, error=error)
    await partners.withdraw(principal)
    return after("/withdrawn")


@get("/withdrawn", opt=requires(PUBLIC), sync_to_thread=False, include_in_schema=False)
def withdrawn_page(request: AnyRequest) -> Template:
    """The last page."""
    return page("partners/withdrawn.html", request, title=_("You have withdrawn"))


PAGES: Final = (
    register_page,
    register,
    register_sent,
    organisation_page,
    change_organisation,
    person_page,
    add_person,
    remove_person_page,
    remove_person,
    *AGREEMENT_PAGES,
    withdraw_page,
    withdraw,
    withdrawn_page,
)


def _lengths() -> dict[str, int]:
    return {"name": NAME_LENGTH, "address": ADDRESS_LENGTH}


def _read_registration(form: Form) -> Registration:
    kind = form.choice("kind", [k.value for k in OrganisationKind])
    name = form.line("name", most=NAME_LENGTH)
    address = form.line("address", most=ADDRESS_LENGTH)
    contact_name = form.line("contact_name", most=NAME_LENGTH)
    email = form.email("email")
    form.check()
    return Registration(OrganisationKind(kind), name, address, contact_name, email)


async def _organisation_page(request: AnyRequest, principal: Principal, partners: Partners, **form: Any) -> Template:
    organisation = await partners.organisation(principal.organisation_id)
    form.setdefault("values", {"name": organisation.name, "address": organisation.address})
    return page(
        "partners/organisation.html",
        request,
        title=organisation.name,
        organisation=organisation,
        members=await partners.members(organisation.id),
        acceptances=await partners.acceptances(organisation.id),
        is_editor=bool(principal.roles & {Role.OWNER, Role.MANAGER}),
        is_owner=Role.OWNER in principal.roles,
        lengths=_lengths(),
        **form,
    )


async def _remove_person_page(
    request: AnyRequest, principal: Principal, partners: Partners, person_id: str, **form: Any
) -> Template:
    members = await partners.members(principal.organisation_id)
    member = next((m for m in members if m.person_id == person_id), None)
    if member is None:
        raise NotFoundError("There is no such person.")
    return page(
        "partners/remove_person.html", request, title=_("Remove %(name)s", name=member.name), member=member, **form
    )


async def _withdraw_page(request: AnyRequest, principal: Principal, partners: Partners, **form: Any) -> Template:
    organisation = await partners.organisation(principal.organisation_id)
    return page(
        "partners/withdraw.html",
        request,
        title=_("Withdraw %(name)s", name=organisation.name),
        organisation=organisation,
        **form,
    )
