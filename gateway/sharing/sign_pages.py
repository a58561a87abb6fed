"""The printable sign of a place, its switch, and the public page that its code leads to."""

from io import BytesIO
from typing import Any, Final

import segno
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response, Template

from gateway.edge.origin import PublicOrigin
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal, Role
from gateway.sharing.service import Sharing
from gateway.sharing.signs import Signs, sentences
from gateway.web import _, after, load_languages, page, read_form, speaking

AnyRequest = Request[Any, Any, Any]
ON_THE_SIGN: Final = ("en", "es")


@get("/portal/sites/{site_id:str}/sign", opt=requires("portal.read"), include_in_schema=False)
async def sign_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    signs: NamedDependency[Signs],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Template:
    """The sign, to be printed, in both languages."""
    view = await sharing.view(principal, site_id)
    sign, shown = await signs.sign(view.site.id), await signs.shown(view)
    languages, words = load_languages(), []
    for code in ON_THE_SIGN:
        with speaking(languages[code]):
            words.append((languages[code].tag, _("Cameras"), sentences(shown), _("See what is shared now")))
    return page(
        "sharing/sign.html",
        request,
        title=_("A sign for %(site)s", site=view.site.name),
        view=view,
        sign=sign,
        address=f"{origin.text}/place/{sign.token}" if sign else "",
        words=words,
        is_editor=bool(principal.roles & {Role.OWNER, Role.MANAGER}),
    )


@post("/portal/sites/{site_id:str}/sign", opt=requires("portal.edit"), include_in_schema=False)
async def switch_sign(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    signs: NamedDependency[Signs],
    site_id: FromPath[str],
) -> Redirect:
    """Switch the page behind the sign on or off."""
    is_public = (await read_form(request, "is_public")).is_ticked("is_public")
    await signs.switch(principal, site_id, is_public=is_public)
    return after(f"/portal/sites/{site_id}/sign", "sign-on" if is_public else "sign-off")


@get("/portal/sites/{site_id:str}/sign/code.svg", opt=requires("portal.read"), include_in_schema=False)
async def sign_code(
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    signs: NamedDependency[Signs],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Response[bytes]:
    """The address of the page as a QR code (ISO/IEC 18004), a picture of its own."""
    view = await sharing.view(principal, site_id)
    sign = await signs.sign(view.site.id)
    if sign is None:
        raise NotFoundError("There is no such page.")
    picture = BytesIO()
    segno.make(f"{origin.text}/place/{sign.token}", error="q").save(
        picture, kind="svg", scale=8, border=4, light="#fff"
    )
    return Response(picture.getvalue(), media_type="image/svg+xml", headers={"cache-control": "no-store"})


@get("/place/{token:str}", opt=requires(PUBLIC), include_in_schema=False)
async def place_page(request: AnyRequest, *, signs: NamedDependency[Signs], token: FromPath[str]) -> Template:
    """What is shared at the place whose sign somebody read."""
    words = sentences(await signs.read(token))
    return page("sharing/place.html", request, title=_("Cameras at this place"), words=words)


SIGN_PAGES: Final = (sign_page, switch_sign, sign_code, place_page)
