"""The style page: every piece of the design system in every state, for people who build pages and for the tests."""

from typing import Any

from litestar import Request, Router, get
from litestar.response import Template

from gateway.web.language import _
from gateway.web.render import page


@get("/style", sync_to_thread=False, include_in_schema=False)
def style_page(request: Request[Any, Any, Any]) -> Template:
    """Show the design system."""
    return page(
        "web/style.html",
        request,
        title=_("Style"),
        values={"address": "no address", "name": "<script>alert(1)</script>", "kind": "resident"},
        errors={"address": "We cannot send mail to this. Write it as name@example.org."},
    )


def style_routes(*, opt: dict[str, Any]) -> Router:
    """The style page; `opt` declares it public."""
    return Router("/", route_handlers=[style_page], opt=opt)
