"""Who only answers requests: the owner's page of them, and the one page on which each keeps an own passkey.

Whoever only answers adds a passkey here and nothing follows from it: an owner names it at a place, by a proposal like
every other widening, and the site says what it is worth. Suspending it, or taking it off, counts at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.desks.portal.passkeys import keep_new
from gateway.edge.requires import requires
from gateway.identity import Identity, Passkey
from gateway.kernel.errors import NotFoundError, PreconditionError
from gateway.kernel.principal import Principal, Role
from gateway.partners import Partners
from gateway.sharing import Key, KeyState, Owners, SiteKeys
from gateway.web import _, after, page, read_form
from policies.vocabulary import OwnerRole

AnyRequest = Request[Any, Any, Any]
HOME: Final = "/portal/delegates"
MINE: Final = "/portal/answer-key"


@dataclass(frozen=True, slots=True)
class Delegate:
    """Somebody who only answers; `passkeys` without `name` are of people who have left."""

    name: str
    passkeys: tuple[Key, ...]


@get(HOME, opt=requires("portal.own"), include_in_schema=False)
async def delegates_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
) -> Template:
    """Everybody who only answers, and where each may."""
    places = await site_owners.sites(principal)
    return _page(request, await _delegates(principal, partners, identity, places), places)


@post(f"{HOME}/{{credential:str}}/ask", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def name_delegate(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Template | Redirect:
    """Want a passkey to answer at a place."""
    form = await read_form(request, "site")
    places = await site_owners.sites(principal)
    delegates = await _delegates(principal, partners, identity, places)
    known = {key.credential: key for each in delegates if each.name for key in each.passkeys}
    if credential not in known:
        raise NotFoundError("There is no such passkey.")
    try:
        await site_owners.ask_for(principal, form.given("site"), known[credential])
    except PreconditionError as error:
        return _page(request, delegates, places, error=error)
    return after(HOME, "delegate-asked")


@post(f"{HOME}/{{credential:str}}/suspend", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def suspend_delegate(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Redirect:
    """Let it answer nothing more; what it answered stands."""
    await read_form(request)
    _demand_answering(await site_owners.sites(principal), credential)
    await site_owners.suspend(principal, credential)
    return after(HOME, "delegate-suspended")


@post(f"{HOME}/{{credential:str}}/remove", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def remove_delegate(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Redirect:
    """Take it off the list of every place."""
    await read_form(request)
    _demand_answering(await site_owners.sites(principal), credential)
    await site_owners.take_off(principal, credential)
    return after(HOME, "delegate-removed")


@get(MINE, opt=requires("portal.answer_key"), include_in_schema=False)
async def answer_key_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
) -> Template:
    """The caller's own passkeys."""
    return await _mine(request, principal, identity, site_owners)


@post(f"{MINE}/options", opt=requires("portal.answer_key"), status_code=200, include_in_schema=False)
async def answer_key_options(
    principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> dict[str, Any]:
    """What the browser asks the authenticator for; its challenge is good in this session, once."""
    return await identity.passkeys.begin(principal)


@post(MINE, opt=requires("portal.answer_key"), status_code=200, include_in_schema=False)
async def add_answer_key(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
) -> Template | Redirect:
    """Keep a new one."""
    if wrong := await keep_new(request, principal, identity):
        return await _mine(request, principal, identity, site_owners, **wrong)
    return after(MINE, "answer-key-added")


@post(f"{MINE}/{{credential:str}}/remove", opt=requires("portal.answer_key"), status_code=200, include_in_schema=False)
async def remove_answer_key(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    identity: NamedDependency[Identity],
    site_owners: NamedDependency[Owners],
    credential: FromPath[str],
) -> Redirect:
    """Let one's own answer nothing more: first at the places, then here."""
    await read_form(request)
    passkey = await identity.passkeys.one(principal, credential)
    await site_owners.suspend(principal, passkey.credential)
    await identity.passkeys.remove(principal, passkey.credential)
    return after(MINE, "answer-key-removed")


DELEGATE_PAGES: Final = (
    *(delegates_page, name_delegate, suspend_delegate, remove_delegate),
    *(answer_key_page, answer_key_options, add_answer_key, remove_answer_key),
)


async def _delegates(
    principal: Principal, partners: Partners, identity: Identity, places: Sequence[SiteKeys]
) -> list[Delegate]:
    members = [one for one in await partners.members(principal.organisation_id) if one.role is Role.ANSWERS]
    found = [Delegate(one.name, tuple(map(_key, await identity.passkeys.of_person(one.person_id)))) for one in members]
    known = {key.credential for each in found for key in each.passkeys}
    gone = sorted({credential for place in places for credential in place.answering} - known)
    return [*found, *([Delegate("", tuple(Key(one, "", OwnerRole.ANSWERS) for one in gone))] if gone else [])]


def _key(passkey: Passkey) -> Key:
    return Key(passkey.credential, passkey.public_key, OwnerRole.ANSWERS)


def _demand_answering(places: Sequence[SiteKeys], credential: str) -> None:
    if not any(credential in place.answering for place in places):
        raise NotFoundError("There is no such passkey.")


def _page(request: AnyRequest, delegates: Sequence[Delegate], places: Sequence[SiteKeys], **form: Any) -> Template:
    return page(
        "portal/delegates.html",
        request,
        title=_("Who only answers requests"),
        delegates=delegates,
        places=places,
        states=KeyState,
        named=frozenset().union(*(place.answering for place in places)),
        **form,
    )


async def _mine(
    request: AnyRequest, principal: Principal, identity: Identity, site_owners: Owners, **form: Any
) -> Template:
    return page(
        "portal/answer_key.html",
        request,
        title=_("Your passkey for answers"),
        passkeys=await identity.passkeys.of_caller(principal),
        places=await site_owners.sites(principal),
        states=KeyState,
        **form,
    )
