"""The style page: every piece of the design system in every state, for people who build pages and for the tests."""

from typing import Any

from litestar import Request, get
from litestar.response import Template

from gateway.web.render import page
from gateway.web.static import OPEN


@get("/style", opt=OPEN, sync_to_thread=False, include_in_schema=False)
def style_page(request: Request[Any, Any, Any]) -> Template:
    """Show the design system."""
    return page(
        "web/style.html",
        request,
        title="Style",
        values={"address": "no address", "name": "<script>alert(1)</script>", "kind": "resident"},
        errors={"address": "We cannot send mail to this. Write it as name@example.org."},
    )
