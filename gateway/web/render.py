"""Pages: one Jinja environment and the few functions through which every page is answered.

`page` gives a template the caller, the CSRF token, the navigation of the caller's role, what was typed and what is
wrong with it; `after` answers a form that worked (303, so that a reload repeats nothing). The caller comes from
`scope["user"]`, the token from `scope["state"]["csrf"]`; `edge` puts both there. Escaping is on for every
template, undefined names are errors, and every sentence passes through gettext (`gateway.web.language`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import Request
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Template
from litestar.template import TemplateConfig

from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import ANONYMOUS, Principal, PrincipalKind, Role
from gateway.web.codes import in_words
from gateway.web.language import _, number, pattern, plain_time, plural, said, spoken
from gateway.web.notices import NOTICES
from gateway.web.scripts import script_words
from gateway.web.static import Assets
from partner_agent.wire.clock import to_rfc3339

TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the main navigation."""

    href: str
    label: str
    is_current: bool = False


_PARTNER_NAV: Final = (
    ("/portal", "Home"),
    ("/portal/sharing", "Sharing"),
    ("/portal/requests", "Requests"),
    ("/portal/who-looked", "Who looked"),
    ("/portal/organisation", "Organisation"),
)
_ANSWERS_NAV: Final = (("/portal/requests", "Requests"), ("/portal/answer-key", "Your passkey"))
_ROLE_NAV: Final[dict[Role, tuple[tuple[str, str], ...]]] = {
    Role.OPERATOR: (("/console", "Console"), ("/console/clips", "Clips"), ("/console/reports", "Reports")),
    Role.SUPERVISOR: (
        ("/console", "Console"),
        ("/console/watching", "Watched now"),
        ("/console/clips", "Clips"),
        ("/console/reports", "Reports"),
    ),
    Role.SECOND: (("/admin/ordinance", "Ordinance"),),
    Role.FIRE: (("/console", "Console"),),
    Role.EMS: (("/console", "Console"),),
    Role.EMERGENCY_MANAGEMENT: (("/console", "Console"),),
    Role.TRANSPORT: (("/console", "Console"),),
    Role.COMPLIANCE: (
        ("/oversight", "Oversight"),
        ("/console/watching", "Watched now"),
        ("/oversight/reports", "Reports"),
    ),
    Role.ADMIN: (("/admin", "Administration"),),
}


def environment(assets: Assets) -> Environment:
    """The Jinja environment every template is rendered in."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    jinja.install_gettext_callables(pattern, plural, newstyle=True)  # type: ignore[attr-defined]  # of the i18n extension
    jinja.globals.update(asset=assets.url, script_words=script_words)
    jinja.filters.update(rfc3339=to_rfc3339, plain_time=plain_time, number=number, said=said, in_words=in_words)
    return jinja


def template_config(assets: Assets) -> TemplateConfig[JinjaTemplateEngine]:
    """What Litestar needs to render our templates."""
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment(assets)))


def page(
    template: str,
    request: Request[Any, Any, Any],
    *,
    title: str,
    status_code: int = 200,
    values: Mapping[str, object] | None = None,
    errors: Mapping[str, str] | None = None,
    error: LenspactError | None = None,
    **context: Any,
) -> Template:
    """Answer with a whole page, or with a fragment when `template` does not extend `base.html`.

    Args:
        template: its path below `templates/`, for instance `portal/home.html`.
        request: whose caller, token and place the page shows.
        title: where the reader is; stands in the title bar and is the page's one h1 unless the template says more.
        status_code: of a page that works; with an `error` it is 422.
        values: what was typed, by field name, to be shown again.
        errors: what is wrong, one sentence by field name.
        error: why the form was refused; its fields are `errors`, and its sentence is told when it names none.
        context: whatever else the template names; every name a template uses must be given.
    """
    principal = caller(request)
    shown = {
        "title": title,
        "principal": principal,
        "csrf_token": lambda: getattr(getattr(request.state, "csrf", None), "value", ""),  # asking may set a cookie
        "nav": navigation(principal, request.url.path),
        "home": home(principal),
        "language": spoken(),
        "here": _here(request),
        "notice": _(NOTICES.get(request.query_params.get("done", ""), "")),
        "values": values or {},
        "errors": {name: _(sentence) for name, sentence in (error.fields if error else errors or {}).items()},
        "refusal": _(error.sentence) if error and not error.fields else "",
    }
    return Template(template, context=shown | context, status_code=422 if error else status_code)


def after(href: str, done: str = "") -> Redirect:
    """Answer a form that worked: see `href` (303), which shows the sentence `NOTICES[done]`.

    Raises:
        ValueError: `href` leaves this site, or `done` names no notice; both are programming errors.
    """
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or not href.startswith("/") or href.startswith(("//", "/\\")):
        raise ValueError("a redirect stays on this site")
    if not done:
        return Redirect(href, status_code=303)
    if done not in NOTICES:
        raise ValueError(f"unknown notice {done!r}: add it to gateway.web.notices")
    return Redirect(f"{href}{'&' if parts.query else '?'}done={done}", status_code=303)


def caller(request: Request[Any, Any, Any]) -> Principal:
    """Who is asking, as `edge.auth` found out."""
    found = request.scope.get("user")
    return found if isinstance(found, Principal) else ANONYMOUS


def navigation(principal: Principal, path: str) -> list[NavItem]:
    """The main navigation of the caller's roles; the longest matching entry is the current one."""
    entries: list[tuple[str, str]] = []
    if principal.kind is PrincipalKind.PARTNER:
        entries += _ANSWERS_NAV if principal.only_answers else _PARTNER_NAV
    elif principal.kind is PrincipalKind.AGENCY:
        entries += [e for role, own in _ROLE_NAV.items() if role in principal.roles for e in own]
    entries = list(dict.fromkeys(entries))
    matching = [href for href, _label in entries if path == href or path.startswith(href + "/")]
    current = max(matching, key=len, default="")
    return [NavItem(href, _(label), href == current) for href, label in entries]


def home(principal: Principal) -> str:
    """The first page of the caller."""
    items = navigation(principal, "")
    return items[0].href if items else "/"


def _here(request: Request[Any, Any, Any]) -> str:
    """This page's address, to come back to in another language."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query and request.method == "GET" else request.url.path
