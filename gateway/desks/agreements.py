"""The administrators' pages of the agreement: every version, a new one as a draft, what it changes, the signature."""

import json
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import Principal
from gateway.partners import Partners, differences, sections
from gateway.web import _, after, page, read_form
from policies.mou import widens

AnyRequest = Request[Any, Any, Any]
BODY_LENGTH: Final = 40_000


@get("/admin/agreements", opt=requires("admin.read"), include_in_schema=False)
async def agreements_page(request: AnyRequest, partners: NamedDependency[Partners]) -> Template:
    """Every version, and the form for a new one."""
    return await _list_page(request, partners)


@post("/admin/agreements", opt=requires("admin.edit"), status_code=200, include_in_schema=False)
async def propose(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Keep a draft."""
    form = await read_form(request, "body")
    text = form.prose("body", most=BODY_LENGTH)
    try:
        form.check()
        draft = await partners.memoranda.propose(principal, text)
    except LenspactError as error:
        return await _list_page(request, partners, values={"body": text or form.given("body")}, error=error)
    return after(f"/admin/agreements/{draft.sha256}", "agreement-proposed")


@get("/admin/agreements/{sha256:str}", opt=requires("admin.read"), include_in_schema=False)
async def version_page(request: AnyRequest, partners: NamedDependency[Partners], sha256: FromPath[str]) -> Template:
    """One version, what it says otherwise than the one that is offered, and whether owners have to sign it anew."""
    return await _version_page(request, partners, sha256)


@post("/admin/agreements/{sha256:str}/sign", opt=requires("admin.edit"), status_code=200, include_in_schema=False)
async def sign(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    sha256: FromPath[str],
) -> Template | Redirect:
    """Sign a draft for the agency."""
    form = await read_form(request, "may_sign")
    try:
        if not form.is_ticked("may_sign"):
            form.wrong("may_sign", "Tick this if you may sign for the agency.")
        form.check()
        await partners.memoranda.sign_for_agency(principal, sha256)
    except LenspactError as error:
        return await _version_page(request, partners, sha256, error=error)
    return after("/admin/agreements", "agreement-signed")


AGREEMENTS: Final = (agreements_page, propose, version_page, sign)


async def _list_page(request: AnyRequest, partners: Partners, **form: Any) -> Template:
    current = await partners.memoranda.current()
    start = json.dumps(json.loads(current.memorandum.body), indent=2, ensure_ascii=False)
    form.setdefault("values", {"body": start})
    return page(
        "admin/agreements.html",
        request,
        title=_("Agreements with owners"),
        versions=await partners.memoranda.versions(),
        current=current,
        length=BODY_LENGTH,
        **form,
    )


async def _version_page(request: AnyRequest, partners: Partners, sha256: str, **form: Any) -> Template:
    version, current = await partners.memoranda.version(sha256), await partners.memoranda.current()
    return page(
        "admin/agreement.html",
        request,
        title=version.memorandum.title,
        version=version,
        sections=sections(version.memorandum, agency=await partners.memoranda.signatures.agency_name(), partner=""),
        changes=differences(current.memorandum, version.memorandum),
        is_wider=widens(current.memorandum, version.memorandum),
        **form,
    )
