"""A view or a still that somebody wonders about, as the query of an address says it: nothing is opened by asking."""

from typing import Final

from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery

from gateway.kernel.principal import Principal
from gateway.live.ports import ViewQuestion


def view_question(  # noqa: PLR0917 - the fields of a query
    principal: NamedDependency[Principal],
    camera_id: FromQuery[str],
    purpose: FromQuery[str],
    incident_id: FromQuery[str] = "",
    on_behalf_of: FromQuery[str] = "",
    confirmation_id: FromQuery[str] = "",
) -> ViewQuestion:
    """Whether this could be shown to them now."""
    return ViewQuestion(
        principal=principal,
        camera_id=camera_id,
        purpose=purpose,
        incident_id=incident_id,
        on_behalf_of=on_behalf_of,
        confirmation_id=confirmation_id,
    )


QUESTION: Final = {"question": Provide(view_question, sync_to_thread=False)}
