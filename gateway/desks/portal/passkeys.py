"""The owner's page of approval passkeys: what identity keeps of them, joined with where sites let each approve."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.identity import PASSKEY_NAME_CHARACTERS, Identity
from gateway.kernel.errors import LenspactError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing import Key, KeyState, Owners
from gateway.web import _, after, page, read_form

AnyRequest = Request[Any, Any, Any]
HOME: Final = "/portal/passkeys"


@get(HOME, opt=requires("portal.own"), include_in_schema=False)
async def passkeys_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
) -> Template:
    """The caller's own, and where each may approve."""
    return await _page(request, principal, identity, site_owners)


@post(f"{HOME}/options", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def passkey_options(principal: NamedDependency[Principal], identity: NamedDependency[Identity]) -> dict[str, Any]:
    """What the browser asks the authenticator for; its challenge is good in this session, once."""
    return await identity.passkeys.begin(principal)


@post(HOME, opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def add_passkey(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
) -> Template | Redirect:
    """Keep a new one."""
    if wrong := await keep_new(request, principal, identity):
        return await _page(request, principal, identity, site_owners, **wrong)
    return after(HOME, "passkey-added")


@post(f"{HOME}/{{credential:str}}/ask", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def ask_for_passkey(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Template | Redirect:
    """Want it to approve at a place."""
    form = await read_form(request, "site")
    passkey = await identity.passkeys.one(principal, credential)
    if passkey.is_suspended:
        raise PreconditionError("This passkey is suspended. Add another one.")
    try:
        await site_owners.ask_for(principal, form.given("site"), Key(passkey.credential, passkey.public_key))
    except PreconditionError as error:
        return await _page(request, principal, identity, site_owners, error=error)
    return after(HOME, "passkey-asked")


@post(f"{HOME}/{{credential:str}}/suspend", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def suspend_passkey(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Redirect:
    """Let it approve nothing more: first at the places, then here."""
    await read_form(request)
    passkey = await identity.passkeys.one(principal, credential)
    await site_owners.suspend(principal, passkey.credential)
    await identity.passkeys.suspend(principal, passkey.credential)
    return after(HOME, "passkey-suspended")


@post(f"{HOME}/{{credential:str}}/resume", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def resume_passkey(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Redirect:
    """Want it to approve again: here at once, at the places once that is approved there."""
    await read_form(request)
    passkey = await identity.passkeys.one(principal, credential)
    await identity.passkeys.resume(principal, passkey.credential)
    await site_owners.resume(principal, passkey.credential)
    return after(HOME, "passkey-resumed")


@post(f"{HOME}/{{credential:str}}/remove", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def remove_passkey(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Redirect:
    """Let it approve nothing more, want it off the places' lists, and forget it."""
    await read_form(request)
    passkey = await identity.passkeys.one(principal, credential)
    await site_owners.take_off(principal, passkey.credential)
    await identity.passkeys.remove(principal, passkey.credential)
    return after(HOME, "passkey-removed")


PASSKEY_PAGES: Final = (
    passkeys_page,
    passkey_options,
    add_passkey,
    ask_for_passkey,
    suspend_passkey,
    resume_passkey,
    remove_passkey,
)


async def keep_new(request: AnyRequest, principal: Principal, identity: Identity) -> dict[str, Any]:
    """Keep the passkey that a form brings, under the name it gives; what the form is shown with again, if anything."""
    form = await read_form(request, "name", "answer")
    try:
        name = form.line("name", most=PASSKEY_NAME_CHARACTERS)
        form.check()
        await identity.passkeys.add(principal, name=name, answer=form.given("answer"))
    except LenspactError as error:
        return {"values": {"name": form.values.get("name", "")}, "error": error}
    return {}


async def _page(
    request: AnyRequest, principal: Principal, identity: Identity, site_owners: Owners, **form: Any
) -> Template:
    passkeys = await identity.passkeys.of_caller(principal)
    return page(
        "portal/passkeys.html",
        request,
        title=_("Your approval passkeys"),
        passkeys=passkeys,
        usable=sum(not each.is_suspended for each in passkeys),
        places=await site_owners.sites(principal),
        states=KeyState,
        **form,
    )
