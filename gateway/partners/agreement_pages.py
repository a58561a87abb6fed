"""Pages of the agreement for owners: what is offered, what changes from what they signed, sign, every version, PDF."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.errors import LenspactError, NotFoundError
from gateway.kernel.principal import Principal, Role
from gateway.partners.agreements.document import CONSENTS, Section, differences, sections
from gateway.partners.model import Acceptance, Version
from gateway.partners.service import Partners
from gateway.web import _, after, page, read_touch
from gateway.web.language import plain_time, spoken
from policies.mou import Consent

AnyRequest = Request[Any, Any, Any]


@get("/portal/agreement", opt=requires("portal.read"), include_in_schema=False)
async def agreement_page(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template:
    """The agreement that is offered now, to read or to sign."""
    return await _page(request, principal, partners, await partners.memoranda.current())


@post("/portal/agreement", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def accept_agreement(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Sign the version that was shown."""
    form, touch = await read_touch(request, "sha256", "accepts", "consent")
    try:
        if not form.is_ticked("accepts"):
            form.wrong("accepts", "Tick this if you accept the agreement.")
        consent = form.choice("consent", [word.value for word in Consent])
        form.check()
        sha256, assertion = form.given("sha256"), touch if touch.signature else None
        await partners.accept_agreement(principal, sha256=sha256, consent=Consent(consent), assertion=assertion)
    except LenspactError as error:
        current = await partners.memoranda.current()
        return await _page(request, principal, partners, current, values=form.values, error=error)
    return after("/portal/set-up", "agreement-accepted")


@get("/portal/agreement/{sha256:str}", opt=requires("portal.read"), include_in_schema=False)
async def version_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    sha256: FromPath[str],
) -> Template:
    """One version, and what it says otherwise than the one the organisation signed."""
    return await _page(request, principal, partners, await _offered(partners, sha256))


@get("/portal/agreement/{sha256:str}/document.pdf", opt=requires("portal.read"), include_in_schema=False)
async def agreement_pdf(
    principal: NamedDependency[Principal], partners: NamedDependency[Partners], sha256: FromPath[str]
) -> Response[bytes]:
    """One version as a PDF, with both signatures."""
    version = await _offered(partners, sha256)
    organisation = await partners.organisation(principal.organisation_id)
    signed = await _signature(partners, principal, version)
    dated = (signed and signed.accepted_at) or version.signed_at or organisation.created_at
    agency = await partners.memoranda.signatures.agency_name()
    closing = [_agency_line(version, agency), _owner_line(signed), *_digests(sha256, signed)]
    parts = sections(version.memorandum, agency=agency, partner=organisation.name)
    draw = partial(_draw, version.memorandum.title, parts, closing=closing, language=spoken().tag, dated=dated)
    body = await anyio.to_thread.run_sync(draw)
    name = f"{version.memorandum.mou}-{sha256[:8]}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type="application/pdf", headers=headers)


@get("/portal/agreement/{sha256:str}/signature.json", opt=requires("portal.read"), include_in_schema=False)
async def signature_file(
    principal: NamedDependency[Principal], partners: NamedDependency[Partners], sha256: FromPath[str]
) -> Response[bytes]:
    """The organisation's signature by passkey under one version, with all that checking it takes."""
    signed = await _signature(partners, principal, await _offered(partners, sha256))
    if signed is None or not signed.touch:
        raise NotFoundError("Nothing was signed with a passkey here.")
    headers = {
        "Content-Disposition": f'attachment; filename="signature-{sha256[:8]}.json"',
        "Cache-Control": "no-store",
    }
    return Response(signed.touch.encode(), media_type="application/json", headers=headers)


PAGES: Final = (agreement_page, accept_agreement, version_page, agreement_pdf, signature_file)


async def _page(
    request: AnyRequest, principal: Principal, partners: Partners, version: Version, **form: Any
) -> Template:
    in_force = await partners.memoranda.in_force(principal.organisation_id)
    organisation = await partners.organisation(principal.organisation_id)
    versions = [one for one in await partners.memoranda.versions() if one.is_offered]
    signed = await _signature(partners, principal, version)
    base = None if in_force is None else in_force.accepted
    agency = await partners.memoranda.signatures.agency_name()
    changes = () if base is None or base.sha256 == version.sha256 else differences(base, version.memorandum)
    return page(
        "partners/agreement.html",
        request,
        title=version.memorandum.title,
        version=version,
        versions=versions,
        is_current=version.sha256 == (await partners.memoranda.current()).sha256,
        sections=sections(version.memorandum, agency=agency, partner=organisation.name),
        offer=await partners.memoranda.signatures.offer(principal.person_id, version.sha256),
        changes=changes,
        signed=signed,
        agency_line=_agency_line(version, agency),
        owner_line=_owner_line(signed),
        consents=[(word.value, _(text), "") for word, text in CONSENTS.items() if word in version.memorandum.consent],
        is_owner=Role.OWNER in principal.roles,
        **form,
    )


def _draw(title: str, parts: Sequence[Section], *, closing: Sequence[str], language: str, dated: datetime) -> bytes:
    """The PDF, in a thread: its library takes a fifth of a second and 19 MB, which only who asks for one shall pay."""
    from gateway.partners.agreements.pdf import to_pdf  # noqa: PLC0415

    return to_pdf(title, parts, closing=closing, language=language, dated=dated)


async def _offered(partners: Partners, sha256: str) -> Version:
    """A version that owners may read: a draft is the agency's own."""
    version = await partners.memoranda.version(sha256)
    if not version.is_offered:
        raise NotFoundError("There is no such version of the agreement.")
    return version


async def _signature(partners: Partners, principal: Principal, version: Version) -> Acceptance | None:
    """The organisation's signature under a version."""
    found = await partners.acceptances(principal.organisation_id)
    return next((one for one in found if one.sha256 == version.sha256), None)


def _agency_line(version: Version, agency: str) -> str:
    if version.signed_at is None:
        return _("For {agency}: offered with the installation of this gateway.").format(agency=agency)
    text = _("Signed for {agency} by {name}, {time}.")
    return text.format(agency=agency, name=version.signed_by_name, time=plain_time(version.signed_at))


def _digests(sha256: str, signed: Acceptance | None) -> list[str]:
    """What both sides signed, and the owner's signature itself, as the log names them."""
    lines = [_("SHA-256 of this version: {hash}").format(hash=sha256)]
    if signed is not None and signed.touch:
        touch = hashlib.sha256(signed.touch.encode()).hexdigest()
        lines.append(_("SHA-256 of the owner's signature by passkey: {hash}").format(hash=touch))
    return lines


def _owner_line(signed: Acceptance | None) -> str:
    if signed is None:
        return _("Not signed for your organisation.")
    text = _("Signed for your organisation by {name}, {time}.")
    said = text.format(name=signed.person_name or _("a former owner"), time=plain_time(signed.accepted_at))
    if signed.touch:
        said = f"{said} {_('Signed with a passkey.')}"
    if signed.consent in set(Consent):
        return f"{said} {_(CONSENTS[Consent(signed.consent)])}."
    return said
