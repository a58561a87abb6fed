"""The page on which an owner tests their rules: what somebody would see of each camera, now and once approved."""

from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from gateway.edge.requires import requires
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal
from gateway.partners import Partners, Site
from gateway.sharing.evaluating import Evaluations
from gateway.sharing.forms import PURPOSES
from gateway.sharing.trying import (
    FIELDS,
    INCIDENTS,
    ORIGINS,
    ROLE_WORDS,
    SIGN_INS,
    WHATS,
    in_words,
    read_test,
    values_of,
)
from gateway.web import Form, _, page, reader_s_voice
from policies.words import purpose

AnyRequest = Request[Any, Any, Any]


@get("/portal/sites/{site_id:str}/sharing/test", opt=requires("portal.edit"), include_in_schema=False)
async def trial_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    partners: NamedDependency[Partners],
    evaluations: NamedDependency[Evaluations],
    site_id: FromPath[str],
) -> Template:
    """What an operator would see, tested by the owner."""
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    agency = await evaluations.agency()
    given = {name: value for name, value in request.query_params.items() if name in FIELDS}
    form = Form(values_of({"agency": agency.id} | given))
    try:
        asked = read_test(form, site, now=evaluations.now(), agencies=(agency.id,))
        tried = await evaluations.at_site(principal, site.id, asked)
    except InvalidError as error:
        return _page(request, site, form, agency=(agency.id, agency.name), rows=[], asked_at=None, error=error)
    rows = [(one.camera, in_words(one.in_force), None if one.saved is None else in_words(one.saved)) for one in tried]
    return _page(request, site, form, agency=(agency.id, agency.name), rows=rows, asked_at=asked.at, error=None)


TRIAL_PAGES: Final = (trial_page,)


def _page(
    request: AnyRequest, site: Site, form: Form, *, agency: tuple[str, str], rows: list[Any], **context: Any
) -> Template:
    voice = reader_s_voice()
    return page(
        "sharing/trial.html",
        request,
        title=_("Test it on me"),
        site=site,
        rows=rows,
        has_saved=any(saved is not None for _camera, _now, saved in rows),
        values=form.values,
        roles=[(role, _(word)) for role, word in ROLE_WORDS.items()],
        agencies=[agency],
        sign_ins=[(str(level), _(word)) for level, word in SIGN_INS.items()],
        whats=[(name, _(word)) for name, (_act, word) in WHATS.items()],
        purposes=[(str(word), purpose(word, voice)) for word in PURPOSES],
        incidents=[(name, _(word)) for name, word in INCIDENTS.items()],
        origins=[(str(word), _(text)) for word, text in ORIGINS.items()],
        **context,
    )
