"""What each route needs: every handler declares its action, and a missing declaration fails start-up.

`requires(action)` gives the handler's options; `edge` compares them with the caller's roles in `ALLOWED`. Acts on
cameras (live.view, clip.request …) are decided again, on the camera, by `policies.decide`.
"""

from typing import Any, Final

from gateway.kernel.principal import Principal, PrincipalKind, Role

PUBLIC: Final = "public"  # anybody, signed in or not
_PARTNER: Final = frozenset({Role.OWNER, Role.MANAGER, Role.ANSWERS})
_EDITOR: Final = frozenset({Role.OWNER, Role.MANAGER})
_WATCHER: Final = frozenset({Role.OPERATOR, Role.SUPERVISOR})

ALLOWED: Final[dict[str, frozenset[Role]]] = {
    "portal.read": _PARTNER,
    "portal.answer": _PARTNER,
    "portal.edit": _EDITOR,
    "portal.own": frozenset({Role.OWNER}),
    "agent.enrol": _EDITOR,
    "console.read": _WATCHER,
    "incident.open": _WATCHER,
    "live.view": _WATCHER,
    "clip.request": _WATCHER,
    "clip.download": _WATCHER,
    "session.stop": frozenset({Role.SUPERVISOR, Role.COMPLIANCE}),
    "oversight.read": frozenset({Role.COMPLIANCE}),
    "admin.read": frozenset({Role.ADMIN}),
    "admin.edit": frozenset({Role.ADMIN}),
    "self.read": frozenset(Role),  # anybody signed in, about themselves
}


def requires(action: str) -> dict[str, Any]:
    """The `opt` of a route handler: `@get("/x", opt=requires("portal.read"))`.

    Raises:
        KeyError: the action is not in the table; add it there first.
    """
    if action != PUBLIC and action not in ALLOWED:
        raise KeyError(f"unknown action {action!r}: add it to gateway.edge.requires.ALLOWED")
    return {"action": action}


def is_allowed(action: str, principal: Principal) -> bool:
    """Whether the caller's roles contain one that the action needs; unknown actions are refused."""
    if action == PUBLIC:
        return True
    if principal.kind not in {PrincipalKind.PARTNER, PrincipalKind.AGENCY}:
        return False
    return bool(ALLOWED.get(action, frozenset()) & principal.roles)
