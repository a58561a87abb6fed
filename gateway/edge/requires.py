"""What each route needs: every handler declares its action, and a missing declaration fails start-up.

`requires(action)` gives the handler's options; `edge` compares them with the caller's roles in `ALLOWED`. Acts on
cameras (live.view, clip.request …) are decided again, on the camera, by `policies.decide`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar import Litestar

from gateway.kernel.principal import Principal, PrincipalKind, Role

PUBLIC: Final = "public"  # anybody, signed in or not
DEADLINE_S: Final = 20.0  # longer than any page takes, shorter than a person waits
_PARTNER: Final = frozenset({Role.OWNER, Role.MANAGER, Role.ANSWERS})
_EDITOR: Final = frozenset({Role.OWNER, Role.MANAGER})
_WATCHER: Final = frozenset({Role.OPERATOR, Role.SUPERVISOR})
_VIEWER: Final = _WATCHER | {Role.FIRE, Role.EMS, Role.EMERGENCY_MANAGEMENT, Role.TRANSPORT}

ALLOWED: Final[dict[str, frozenset[Role]]] = {
    "portal.read": _EDITOR,
    "portal.answer": _PARTNER,  # the open requests, and nothing else of the organisation
    "portal.answer_key": frozenset({Role.ANSWERS}),
    "portal.edit": _EDITOR,
    "portal.own": frozenset({Role.OWNER}),
    "agent.enrol": _EDITOR,
    "console.read": _VIEWER,
    "incident.open": _WATCHER,
    "live.view": _VIEWER,
    "recorded.view": _WATCHER,
    "still.take": _WATCHER,
    "phone.send": _WATCHER,  # a link that shows on a phone what they watch themselves
    "second.confirm": _WATCHER,  # whom the agency's own rules name of these
    "clip.request": _WATCHER,
    "clip.download": _WATCHER,
    "session.stop": frozenset({Role.SUPERVISOR, Role.COMPLIANCE}),
    "oversight.read": frozenset({Role.COMPLIANCE}),
    "admin.read": frozenset({Role.ADMIN}),
    "admin.edit": frozenset({Role.ADMIN}),
    "access.ask": _WATCHER | _EDITOR | {Role.COMPLIANCE},
    "ordinance.read": frozenset({Role.ADMIN, Role.COMPLIANCE, Role.SECOND}),
    "ordinance.decide": frozenset({Role.ADMIN, Role.SECOND}),
    "self.read": frozenset(Role),  # anybody signed in, about themselves
}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route declared.

    Attributes:
        action: a key of `ALLOWED`, or `PUBLIC`; empty when nothing was declared.
        reads_cookies: whether a session cookie counts here; without, no CSRF token is needed either.
        deadline_s: how long an answer may take; None for streams, which end by their own rules.
    """

    action: str = ""
    reads_cookies: bool = True
    deadline_s: float | None = DEADLINE_S


def requires(action: str, *, reads_cookies: bool = True, deadline_s: float | None = DEADLINE_S) -> dict[str, Any]:
    """The `opt` of a route handler: `@get("/x", opt=requires("portal.read"))`.

    Raises:
        KeyError: the action is not in the table; add it there first.
    """
    if action != PUBLIC and action not in ALLOWED:
        raise KeyError(f"unknown action {action!r}: add it to gateway.edge.requires.ALLOWED")
    return {"action": action, "reads_cookies": reads_cookies, "deadline_s": deadline_s}


def needs_of(opt: Mapping[str, Any]) -> Needs:
    """What the handler with these options declared."""
    action = opt.get("action", "")
    return Needs(action, opt.get("reads_cookies", True), opt.get("deadline_s", DEADLINE_S))


def undeclared(app: Litestar) -> list[str]:
    """Paths and methods of handlers that declared nothing; start-up fails unless it is empty."""
    found = []
    for route in app.routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]  # type: ignore[union-attr]
        for handler in handlers:
            methods = set(getattr(handler, "http_methods", ()))
            if methods != {"OPTIONS"} and not needs_of(handler.opt).action:
                found.append(f"{'/'.join(sorted(methods)) or type(handler).__name__} {route.path}")
    return found


def is_allowed(action: str, principal: Principal) -> bool:
    """Whether the caller's roles contain one that the action needs; unknown actions are refused."""
    if action == PUBLIC:
        return True
    if principal.kind not in {PrincipalKind.PARTNER, PrincipalKind.AGENCY}:
        return False
    return bool(ALLOWED.get(action, frozenset()) & principal.roles)
