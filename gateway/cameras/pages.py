"""Pages where owners say where their places and cameras are: a map, and fields that do everything without it."""

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import available_timezones

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.cameras.model import NAME_LENGTH, PURPOSE_LENGTH, Camera, CameraFacts
from gateway.cameras.service import Cameras
from gateway.edge.requires import requires
from gateway.kernel.errors import LenspactError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from gateway.partners import Partners, Place, Site
from gateway.web import Form, _, after, page, read_form
from policies.reach import LABEL_LENGTH, MOST_LABELS, is_label, labels_in

AnyRequest = Request[Any, Any, Any]

SITE_NAME_LENGTH: Final = 80
ADDRESS_LENGTH: Final = 240
ZONES: Final = (
    ("America/New_York", "Eastern (New York)"),
    ("America/Chicago", "Central (Chicago)"),
    ("America/Denver", "Mountain (Denver)"),
    ("America/Phoenix", "Arizona (Phoenix)"),
    ("America/Los_Angeles", "Pacific (Los Angeles)"),
    ("America/Anchorage", "Alaska (Anchorage)"),
    ("Pacific/Honolulu", "Hawaii (Honolulu)"),
    ("America/Puerto_Rico", "Atlantic (Puerto Rico)"),
    ("Pacific/Guam", "Chamorro (Guam)"),
    ("Etc/UTC", "UTC"),
)
_PLACE: Final = ("lat", "lon")
_SITE: Final = ("name", "address", "zone", "people_live_here", *_PLACE)
_CAMERA: Final = ("name", "heading", "looks_around", "facing", "purpose", "labels", *_PLACE)
_LAT: Final = "Give degrees north between -85 and 85, for instance 41.8819."
_HEADING: Final = "Give whole degrees from 0 to 359: 0 is north, 90 is east. Or tick that it looks all around."
LABELS_LENGTH: Final = 2 * MOST_LABELS * LABEL_LENGTH  # characters of the line with all of them
_LON: Final = "Give degrees east between -180 and 180; west is negative, for instance -87.6278."


@get("/portal/sites/new", opt=requires("portal.edit"), include_in_schema=False)
async def new_site_page(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template:
    """The form for a place; the first one begins with the organisation's own name and address."""
    organisation = await partners.organisation(principal.organisation_id)
    start = {"name": organisation.name[:SITE_NAME_LENGTH], "address": organisation.address, "zone": "America/Chicago"}
    if organisation.kind == "resident":
        start["people_live_here"] = "yes"
    return _site_page(request, None, values=start)


@post("/portal/sites/new", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def add_site(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Add a place, then go on to its first camera."""
    form = await read_form(request, *_SITE)
    try:
        site = await partners.save_site(principal, read_site(form, site_id="", organisation_id=""), is_new=True)
    except LenspactError as error:
        return _site_page(request, None, values=form.values, error=error)
    return after(f"/portal/sites/{site.id}/cameras/new", "site-saved")


@get("/portal/sites/{site_id:str}", opt=requires("portal.edit"), include_in_schema=False)
async def site_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    site_id: FromPath[str],
) -> Template:
    """Correct a place."""
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    return _site_page(request, site, values=site_values(site))


@post("/portal/sites/{site_id:str}", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def change_site(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Save the corrected place."""
    form = await read_form(request, *_SITE)
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    try:
        changed = read_site(form, site_id=site.id, organisation_id=site.organisation_id)
        await partners.save_site(principal, changed, is_new=False)
    except LenspactError as error:
        return _site_page(request, site, values=form.values, error=error)
    return after("/portal", "site-saved")


@post("/portal/sites/{site_id:str}/remove", opt=requires("portal.own"), status_code=200, include_in_schema=False)
async def remove_site(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    site_id: FromPath[str],
) -> Redirect:
    """Delete a place and its cameras."""
    await read_form(request)
    await partners.remove_site(principal, site_id)
    return after("/portal", "site-removed")


@get("/portal/sites/{site_id:str}/cameras/new", opt=requires("portal.edit"), include_in_schema=False)
async def new_camera_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    cameras: NamedDependency[Cameras],
    site_id: FromPath[str],
) -> Template:
    """The form for a camera, beginning where its place is."""
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    start = _place_values(site.place) | {"facing": "private" if site.people_live_here else "public"}
    return _camera_page(request, site, None, others=await cameras.of_site(site.id), values=start)


@post("/portal/sites/{site_id:str}/cameras/new", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def add_camera(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    cameras: NamedDependency[Cameras],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Put a camera on the list."""
    form = await read_form(request, *_CAMERA, "then")
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    try:
        await cameras.add(principal, site, read_camera(form))
    except LenspactError as error:
        others = await cameras.of_site(site.id)
        return _camera_page(request, site, None, others=others, values=form.values, error=error)
    if form.given("then") == "another":
        return after(f"/portal/sites/{site.id}/cameras/new", "camera-saved")
    return after("/portal/set-up", "camera-saved")


@get("/portal/cameras/{camera_id:str}", opt=requires("portal.edit"), include_in_schema=False)
async def camera_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    cameras: NamedDependency[Cameras],
    camera_id: FromPath[str],
) -> Template:
    """Correct a camera, or take it off the list."""
    camera = await cameras.camera(camera_id, organisation_id=principal.organisation_id)
    site = await partners.site(camera.site_id)
    others = [c for c in await cameras.of_site(site.id) if c.id != camera.id]
    return _camera_page(request, site, camera, others=others, values=camera_values(camera))


@post("/portal/cameras/{camera_id:str}", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def change_camera(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    cameras: NamedDependency[Cameras],
    camera_id: FromPath[str],
) -> Template | Redirect:
    """Save the corrected camera."""
    form = await read_form(request, *_CAMERA)
    camera = await cameras.camera(camera_id, organisation_id=principal.organisation_id)
    try:
        await cameras.change(principal, camera.id, read_camera(form))
    except LenspactError as error:
        site = await partners.site(camera.site_id)
        others = [c for c in await cameras.of_site(site.id) if c.id != camera.id]
        return _camera_page(request, site, camera, others=others, values=form.values, error=error)
    return after("/portal", "camera-saved")


@post("/portal/cameras/{camera_id:str}/remove", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def remove_camera(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    cameras: NamedDependency[Cameras],
    camera_id: FromPath[str],
) -> Redirect:
    """Take a camera off the list."""
    await read_form(request)
    await cameras.remove(principal, camera_id)
    return after("/portal", "camera-removed")


PAGES: Final = (
    new_site_page,
    add_site,
    site_page,
    change_site,
    remove_site,
    new_camera_page,
    add_camera,
    camera_page,
    change_camera,
    remove_camera,
)


def read_site(form: Form, *, site_id: str, organisation_id: str) -> Site:
    """The place a form describes.

    Raises:
        InvalidError: something is wrong; `fields` holds every sentence.
    """
    name = form.line("name", most=SITE_NAME_LENGTH)
    address = form.line("address", most=ADDRESS_LENGTH)
    zone = form.given("zone")
    if zone not in available_timezones():
        form.wrong("zone", "Choose one of these.")
    place = _read_place(form)
    form.check()
    return Site(site_id, organisation_id, name, address, place, zone, form.is_ticked("people_live_here"))


def read_camera(form: Form) -> CameraFacts:
    """The camera a form describes.

    Raises:
        InvalidError: something is wrong; `fields` holds every sentence.
    """
    name = form.line("name", most=NAME_LENGTH)
    place = _read_place(form)
    heading = None
    if not form.is_ticked("looks_around"):
        heading = form.number("heading", 0, 359, sentence=_HEADING)
        if not float(heading).is_integer():
            form.wrong("heading", _HEADING)
    facing = form.choice("facing", ("public", "private"))
    purpose = form.prose("purpose", most=PURPOSE_LENGTH, is_required=False)
    labels = _read_labels(form)
    form.check()
    return CameraFacts(name, place, None if heading is None else int(heading), facing == "public", purpose, labels)


def site_values(site: Site) -> dict[str, str]:
    """A place as its form shows it."""
    ticked = {"people_live_here": "yes"} if site.people_live_here else {}
    return _place_values(site.place) | {"name": site.name, "address": site.address, "zone": site.zone} | ticked


def camera_values(camera: Camera) -> dict[str, str]:
    """A camera as its form shows it."""
    facts = camera.facts
    heading = {"looks_around": "yes"} if facts.heading_deg is None else {"heading": str(facts.heading_deg)}
    facing = "public" if facts.is_public_facing else "private"
    said = {"name": facts.name, "facing": facing, "purpose": facts.purpose, "labels": ", ".join(sorted(facts.labels))}
    return _place_values(facts.place) | heading | said


def _read_labels(form: Form) -> frozenset[str]:
    """The owner's own words for a camera."""
    labels = labels_in(form.line("labels", most=LABELS_LENGTH, is_required=False))
    wrong = next((label for label in labels if not is_label(label)), "")
    if wrong:
        sentence = phrase(
            "“%(wrong)s” is no label. Use letters, digits, spaces and hyphens, at most %(most)d of them: car park.",
            wrong=wrong,
            most=LABEL_LENGTH,
        )
        form.wrong("labels", sentence)
    elif len(labels) > MOST_LABELS:
        many = phrase("Give at most %(most)d labels; these are %(have)d.", most=MOST_LABELS, have=len(labels))
        form.wrong("labels", many)
    return frozenset(labels)


def _read_place(form: Form) -> Place:
    return Place(form.number("lat", -85, 85, sentence=_LAT), form.number("lon", -180, 180, sentence=_LON))


def _place_values(place: Place) -> dict[str, str]:
    return {"lat": f"{place.lat:.6f}", "lon": f"{place.lon:.6f}"}


def _site_page(request: AnyRequest, site: Site | None, **form: Any) -> Template:
    title = _("Change %(name)s", name=site.name) if site else _("Where is it?")
    zones = [(zone, _(name)) for zone, name in ZONES]
    given = form["values"].get("zone", "")
    if given in available_timezones() and given not in dict(ZONES):
        zones.insert(0, (given, given))
    return page("cameras/site.html", request, title=title, site=site, zones=zones, **form)


def _camera_page(
    request: AnyRequest, site: Site, camera: Camera | None, *, others: Sequence[Camera], **form: Any
) -> Template:
    title = _("Change %(name)s", name=camera.name) if camera else _("Add a camera")
    points = [{"name": c.name, "lat": c.place.lat, "lon": c.place.lon} for c in others]
    return page(
        "cameras/camera.html", request, title=title, site=site, camera=camera, others=others, points=points, **form
    )
