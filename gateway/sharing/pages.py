"""Pages where owners say what they share: three questions, the rules said back, what changes, one Save."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from gateway.cameras import Camera, Cameras
from gateway.edge.origin import PublicOrigin
from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, DeadlineError, LenspactError, PreconditionError, UnavailableError
from gateway.kernel.principal import Principal, Role
from gateway.partners import Partners
from gateway.sharing.approving import Approvals
from gateway.sharing.forms import DAYS, FIELDS, PURPOSES, digest_of, read_clause_form, values_of
from gateway.sharing.model import Answers
from gateway.sharing.service import Preview, Sharing, SharingView, Standing
from gateway.web import Form, after, page, read_form
from partner_agent.wire.touches import Assertion
from policies.clauses import DEFAULT_PRESET, RADII_M, Clause, Preset, of_preset
from policies.words import Voice, distance, purpose

AnyRequest = Request[Any, Any, Any]

_TOUCH: Final = Assertion.__struct_fields__  # the fields of the form that a touch fills in
PRESETS: Final = (
    (Preset.LIST_ONLY, "On the list only", "Operators know that the camera is there. Nobody looks through it."),
    (
        Preset.ASK_ME,
        "Ask me",
        "You say yes or no to each recording. Nobody watches live until you can say yes to a single view too.",
    ),
    (Preset.EMERGENCIES, "Emergencies only", "Live only during an incident nearby. You are asked for recordings."),
    (Preset.OPEN, "Open", "Live at any time, recordings without asking."),
)


@get("/portal/sharing", opt=requires("portal.read"), include_in_schema=False)
async def sharing_page(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Which place; with one there is nothing to choose."""
    sites = await partners.sites(principal.organisation_id)
    if len(sites) == 1:
        return after(f"/portal/sites/{sites[0].id}/sharing")
    return page("sharing/sites.html", request, title="What do you share?", sites=sites)


@get("/portal/sites/{site_id:str}/sharing", opt=requires("portal.read"), include_in_schema=False)
async def site_sharing_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    partners: NamedDependency[Partners],
    approvals: NamedDependency[Approvals],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Template:
    """What is shared at a place, said back in words."""
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    try:
        view = await sharing.view(principal, site.id)
    except PreconditionError as error:
        return page("sharing/agreement.html", request, title="What do you share?", site=site, sentence=error.sentence)
    return await _site_page(request, view, principal=principal, sharing=sharing, approvals=approvals, origin=origin)


@post(
    "/portal/sites/{site_id:str}/sharing/approve", opt=requires("portal.edit"), status_code=200, include_in_schema=False
)
async def approve_by_touch(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    approvals: NamedDependency[Approvals],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Bring an owner's touch to the site; the page then says what the site made of it."""
    form = await read_form(request, "sha256", *_TOUCH)
    assertion = Assertion(**{name: form.given(name) for name in _TOUCH})
    try:
        answer = await approvals.touch(principal, site_id, form.given("sha256"), assertion)
    except (PreconditionError, ConflictError, UnavailableError, DeadlineError) as error:
        return await _site_page(
            request,
            await sharing.view(principal, site_id),
            principal=principal,
            sharing=sharing,
            approvals=approvals,
            origin=origin,
            error=error,
        )
    return after(f"/portal/sites/{site_id}/sharing", "touch-held" if answer.held_s else "touch-in-force")


@get("/portal/sites/{site_id:str}/sharing/all", opt=requires("portal.edit"), include_in_schema=False)
async def all_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    preset: FromQuery[str] = "",
    place: FromQuery[str] = "",
) -> Template:
    """One answer for every camera of a place."""
    view = await sharing.view(principal, site_id)
    return _start(request, view, list(view.cameras), preset, place)


@post("/portal/sites/{site_id:str}/sharing/all", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def save_all(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Show what the answer changes, or save it."""
    view = await sharing.view(principal, site_id)
    return await _answer(request, principal=principal, sharing=sharing, view=view, cameras=list(view.cameras))


@get("/portal/cameras/{camera_id:str}/sharing", opt=requires("portal.edit"), include_in_schema=False)
async def camera_sharing_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    cameras: NamedDependency[Cameras],
    camera_id: FromPath[str],
    preset: FromQuery[str] = "",
    place: FromQuery[str] = "",
) -> Template:
    """The answers for one camera."""
    camera = await cameras.camera(camera_id, organisation_id=principal.organisation_id)
    return _start(request, await sharing.view(principal, camera.site_id), [camera], preset, place)


@post("/portal/cameras/{camera_id:str}/sharing", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def save_camera(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    cameras: NamedDependency[Cameras],
    camera_id: FromPath[str],
) -> Template | Redirect:
    """Show what the answers change, or save them."""
    camera = await cameras.camera(camera_id, organisation_id=principal.organisation_id)
    view = await sharing.view(principal, camera.site_id)
    return await _answer(request, principal=principal, sharing=sharing, view=view, cameras=[camera])


PAGES: Final = (sharing_page, site_sharing_page, approve_by_touch, all_page, save_all, camera_sharing_page, save_camera)


async def _site_page(
    request: AnyRequest,
    view: SharingView,
    *,
    principal: Principal,
    sharing: Sharing,
    approvals: Approvals,
    origin: PublicOrigin,
    error: LenspactError | None = None,
) -> Template:
    return page(
        "sharing/site.html",
        request,
        title=f"What you share at {view.site.name}",
        view=view,
        cards=await sharing.cards(view.cameras),
        waiting=await approvals.waiting(principal, view.site.id) if view.standing is Standing.TO_APPROVE else None,
        rp_id=origin.host,
        is_editor=bool(principal.roles & {Role.OWNER, Role.MANAGER}),
        standings=Standing,
        error=error,
    )


def _start(request: AnyRequest, view: SharingView, cameras: Sequence[Camera], preset: str, place: str) -> Template:
    """The form as it is first seen: the answers there are, those of a preset or a kind of place, or the preselected."""
    known = _known(view.answers, cameras)
    ready = _of_place(view, place, frozenset(camera.id for camera in cameras))
    if ready is not None:
        values = {**values_of(ready, view.site), "place": place}
    elif preset in set(Preset) or known is None:
        chosen = Preset(preset) if preset in set(Preset) else DEFAULT_PRESET
        values = _values_of_preset(chosen, frozenset(camera.id for camera in cameras), view)
    else:
        values = values_of(known, view.site)
    return _form_page(request, view, cameras, values=values, made_from=view.version)


def _values_of_preset(preset: Preset, cameras: frozenset[str], view: SharingView) -> dict[str, str]:
    return values_of(of_preset(preset, cameras, is_home=view.site.people_live_here), view.site)


def _of_place(view: SharingView, place: str, cameras: frozenset[str]) -> Clause | None:
    """The ready answer for a kind of place, as these cameras' clause."""
    pack = next((pack for pack in view.places if pack.id == place), None)
    return None if pack is None else pack.clause(cameras, zone=view.site.zone)


async def _answer(
    request: AnyRequest,
    *,
    principal: Principal,
    sharing: Sharing,
    view: SharingView,
    cameras: Sequence[Camera],
) -> Template | Redirect:
    form = await read_form(request, *FIELDS, "made_from", "looked_at", "then", "place")
    made_from = int(form.given("made_from")) if form.given("made_from").isdecimal() else -1
    try:
        if not cameras:
            raise PreconditionError("Put a camera on the map first.")
        names = frozenset(camera.id for camera in cameras)
        kept = _of_place(view, form.given("place"), names) or _known(view.answers, cameras)
        clause = read_clause_form(form, view.site, cameras=names, now=view.seen_at, kept=kept)
        clauses = _with(view.answers, clause, cameras)
        if form.given("then") != "save" or form.given("looked_at") != digest_of(clause):
            preview = await sharing.preview(principal, view.site.id, clauses)
            return _look_page(request, view, cameras, form=form, made_from=made_from, clause=clause, preview=preview)
        await sharing.save(principal, view.site.id, clauses, made_from=made_from)
    except LenspactError as error:
        return _form_page(request, view, cameras, values=form.values, made_from=made_from, error=error)
    return after(f"/portal/sites/{view.site.id}/sharing", "sharing-saved")


def _known(answers: Answers | None, cameras: Sequence[Camera]) -> Clause | None:
    """The clause these cameras have in common, if they have one."""
    found = {answers.of_camera(camera.id)[:1] for camera in cameras} if answers else set()
    return next(iter(found))[0] if len(found) == 1 and next(iter(found)) else None


def _with(answers: Answers | None, clause: Clause, cameras: Sequence[Camera]) -> Sequence[Clause]:
    """Every answer of the site, with this one as the only one of these cameras."""
    names = frozenset(camera.id for camera in cameras)
    others = () if answers is None else answers.clauses
    return [*(dataclasses.replace(one, cameras=one.cameras - names) for one in others), clause]


def _look_page(
    request: AnyRequest,
    view: SharingView,
    cameras: Sequence[Camera],
    *,
    form: Form,
    made_from: int,
    clause: Clause,
    preview: Preview,
) -> Template:
    return _form_page(
        request,
        view,
        cameras,
        values=form.values,
        made_from=made_from,
        preview=preview,
        looked_at=digest_of(clause),
        save_word=_save_word(preview, view.standing),
    )


def _save_word(preview: Preview, standing: Standing) -> str:
    """What the one button does."""
    if standing in {Standing.NOT_CONNECTED, Standing.NOTHING_SAID}:
        return "Save for when my site is connected"
    if preview.is_at_once and preview.needs_approval:
        return "Share less now, and more once I approve it"
    if preview.is_at_once:
        return "Share less now"
    if preview.needs_approval:
        return "Share more once I approve it"
    return "Save"


def _form_page(
    request: AnyRequest,
    view: SharingView,
    cameras: Sequence[Camera],
    *,
    values: dict[str, str],
    made_from: int,
    preview: Preview | None = None,
    looked_at: str = "",
    save_word: str = "",
    error: LenspactError | None = None,
) -> Template:
    name = cameras[0].name if len(cameras) == 1 else f"every camera at {view.site.name}"
    voice = Voice()
    names = frozenset(camera.id for camera in cameras)
    ready = (preset for preset in Preset if values == _values_of_preset(preset, names, view))
    return page(
        "sharing/answers.html",
        request,
        title=f"What do you share of {name}?",
        view=view,
        cameras=cameras,
        made_from=made_from,
        preview=preview,
        looked_at=looked_at,
        save_word=save_word,
        presets=PRESETS,
        chosen=next(ready, ""),
        place=values.get("place", ""),
        radii=[(str(radius), distance(radius, voice)) for radius in RADII_M],
        purposes=[(f"purpose_{word}", purpose(word, voice)) for word in PURPOSES],
        days=DAYS,
        values=values,
        error=error,
    )
