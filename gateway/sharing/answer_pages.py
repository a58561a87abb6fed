"""Pages where an owner answers: for every camera, for one, with several answers, and without one of them."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from gateway.cameras import Cameras
from gateway.edge.requires import requires
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal
from gateway.sharing.all_places import ALL_PLACES
from gateway.sharing.answering import (
    answer,
    answer_of_all,
    is_said_apart,
    late_answer,
    new_answer,
    numbered_answer,
    only_answer,
    removal,
    start,
)
from gateway.sharing.changing import carry_out, look_at
from gateway.sharing.service import Sharing
from gateway.web import after

AnyRequest = Request[Any, Any, Any]


@get("/portal/sites/{site_id:str}/sharing/all", opt=requires("portal.edit"), include_in_schema=False)
async def all_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    preset: FromQuery[str] = "",
) -> Template:
    """One answer for every camera of a place."""
    view = await sharing.view(principal, site_id)
    return start(request, view, answer_of_all(view), preset)


@post("/portal/sites/{site_id:str}/sharing/all", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def save_all(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Show what the answer changes, or save it."""
    view = await sharing.view(principal, site_id)
    target = answer_of_all(view)
    return await answer(request, principal=principal, sharing=sharing, view=view, target=target)


@get("/portal/cameras/{camera_id:str}/sharing", opt=requires("portal.edit"), include_in_schema=False)
async def camera_sharing_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    cameras: NamedDependency[Cameras],
    camera_id: FromPath[str],
    preset: FromQuery[str] = "",
) -> Template | Redirect:
    """The answers for one camera."""
    camera = await cameras.camera(camera_id, organisation_id=principal.organisation_id)
    view = await sharing.view(principal, camera.site_id)
    if not is_said_apart(view, camera):
        return after(f"/portal/sites/{camera.site_id}/sharing", "several-answers")
    return start(request, view, only_answer(view, [camera]), preset)


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
    if not is_said_apart(view, camera):
        return after(f"/portal/sites/{camera.site_id}/sharing", "several-answers")
    target = only_answer(view, [camera])
    return await answer(request, principal=principal, sharing=sharing, view=view, target=target)


@get("/portal/sites/{site_id:str}/sharing/answers/new", opt=requires("portal.edit"), include_in_schema=False)
async def new_answer_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    preset: FromQuery[str] = "",
) -> Template:
    """One more answer for some cameras of a place."""
    view = await sharing.view(principal, site_id)
    return start(request, view, new_answer(view), preset)


@post(
    "/portal/sites/{site_id:str}/sharing/answers/new",
    opt=requires("portal.edit"),
    status_code=200,
    include_in_schema=False,
)
async def save_new_answer(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Show what one more answer changes, or save it."""
    view = await sharing.view(principal, site_id)
    return await answer(request, principal=principal, sharing=sharing, view=view, target=new_answer(view))


@get("/portal/sites/{site_id:str}/sharing/answers/{number:int}", opt=requires("portal.edit"), include_in_schema=False)
async def answer_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    number: FromPath[int],
    preset: FromQuery[str] = "",
) -> Template | Redirect:
    """One of several answers; one for all places has a page of its own."""
    view = await sharing.view(principal, site_id)
    target = numbered_answer(view, number)
    return after(ALL_PLACES) if target.is_for_all_places else start(request, view, target, preset)


@post(
    "/portal/sites/{site_id:str}/sharing/answers/{number:int}",
    opt=requires("portal.edit"),
    status_code=200,
    include_in_schema=False,
)
async def save_answer(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    number: FromPath[int],
) -> Template | Redirect:
    """Show what the answer changes, or save it."""
    view = await sharing.view(principal, site_id)
    try:
        target = numbered_answer(view, number)
    except NotFoundError:
        target = late_answer(view)
    if target.is_for_all_places:
        return after(ALL_PLACES)
    return await answer(request, principal=principal, sharing=sharing, view=view, target=target)


@get(
    "/portal/sites/{site_id:str}/sharing/answers/{number:int}/remove",
    opt=requires("portal.edit"),
    include_in_schema=False,
)
async def remove_answer_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    number: FromPath[int],
) -> Template:
    """What taking an answer away changes."""
    view = await sharing.view(principal, site_id)
    return await look_at(request, principal=principal, sharing=sharing, view=view, act=removal(view, number))


@post(
    "/portal/sites/{site_id:str}/sharing/answers/{number:int}/remove",
    opt=requires("portal.edit"),
    status_code=200,
    include_in_schema=False,
)
async def remove_answer(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    site_id: FromPath[str],
    number: FromPath[int],
) -> Template | Redirect:
    """Take an answer away, or show anew what that changes where somebody saved meanwhile."""
    view = await sharing.view(principal, site_id)
    return await carry_out(request, principal=principal, sharing=sharing, view=view, act=removal(view, number))


ANSWER_PAGES: Final = (
    *(all_page, save_all, camera_sharing_page, save_camera, new_answer_page, save_new_answer),
    *(answer_page, save_answer, remove_answer_page, remove_answer),
)
