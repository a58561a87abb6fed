"""The form that a touch of a passkey fills in."""

from typing import Any, Final

from litestar import Request

from gateway.web.forms import Form, read_form
from partner_agent.wire.touches import Assertion

_FIELDS: Final = Assertion.__struct_fields__


async def read_touch(request: Request[Any, Any, Any], *names: str) -> tuple[Form, Assertion]:
    """What the form says under `names`, and the touch, which is not checked here."""
    form = await read_form(request, *names, *_FIELDS)
    return form, Assertion(**{name: form.given(name) for name in _FIELDS})
