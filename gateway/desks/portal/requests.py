"""Requests for recordings, to look and for stills in an owner's words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.desks.portal.ports import BadgeState, Request, Task, ViewRequest
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from gateway.web import _, code_in_words
from policies.vocabulary import Act

STATES: Final[Mapping[str, tuple[BadgeState, str]]] = {
    "requested": ("ask", "Waits for you"),
    "held": ("ask", "Waits for you"),
    "approved": ("permitted", "You said yes"),
    "cutting": ("permitted", "Your site is cutting it"),
    "uploading": ("permitted", "Your site is sending it"),
    "received": ("permitted", "Handed over"),
    "downloadable": ("permitted", "Handed over"),
    "declined": ("unavailable", "You declined"),
    "expired": ("unavailable", "It ran out"),
    "quarantined": ("offline", "It arrived damaged"),
    "failed": ("offline", "Your site could not send it"),
}


VIEW_STATES: Final[Mapping[str, tuple[BadgeState, str]]] = {
    "asked": ("ask", "Waits for you"),
    "approved": ("permitted", "You said yes"),
    "opened": ("permitted", "You let them watch"),
    "declined": ("unavailable", "You declined"),
    "lapsed": ("unavailable", "It ran out"),
}


_USED: Final[Mapping[str, str]] = {Act.RECORDED_VIEW: "You let them look", Act.STILL_TAKE: "You gave it"}
_ASKS: Final[Mapping[str, str]] = {
    Act.LIVE_VIEW: "Somebody asks to watch %(camera)s live",
    Act.RECORDED_VIEW: "Somebody asks to look at the recording of %(camera)s",
    Act.STILL_TAKE: "Somebody asks for a still picture of %(camera)s",
}


def is_shown(request: Request | ViewRequest, principal: Principal) -> bool:
    """Whether the caller sees it: whoever only answers sees what is open, and can take their own yes back."""
    is_theirs = isinstance(request, ViewRequest) and request.can_end and request.answered_by == principal.person_id
    return not principal.only_answers or request.is_waiting or is_theirs


@dataclass(frozen=True, slots=True)
class Card:
    """One request with what its camera is called, how it stands, and who answered, by name."""

    request: Request
    camera_name: str
    badge: BadgeState
    word: str
    why: str
    answered_by: str = ""


def card_of(request: Request, camera_names: Mapping[str, str], people: Mapping[str, str]) -> Card:
    """The card of a request; `people`: the names of the organisation's, by id."""
    badge, word = STATES.get(request.state, ("unavailable", request.state))
    return Card(
        request,
        camera_names.get(request.camera_id, ""),
        badge,
        word,
        code_in_words(request.purpose),
        _who(request, people),
    )


def _who(request: Request | ViewRequest, people: Mapping[str, str]) -> str:
    return people.get(request.answered_by, _("Somebody who has left")) if request.answered_by else ""


def task_of(request: Request, camera_names: Mapping[str, str]) -> Task:
    """The request as something that waits for the owner."""
    name = camera_names.get(request.camera_id, "")
    return Task(
        phrase("A recording of %(camera)s", camera=name),
        code_in_words(request.purpose),
        "/portal/requests",
        request.created_at,
    )


@dataclass(frozen=True, slots=True)
class ViewCard:
    """One request to look with what its camera is called, how it stands, and who answered, by name."""

    request: ViewRequest
    camera_name: str
    badge: BadgeState
    word: str
    why: str
    answered_by: str = ""


def view_card_of(request: ViewRequest, camera_names: Mapping[str, str], people: Mapping[str, str]) -> ViewCard:
    """The card of a request to look; `people`: the names of the organisation's, by id."""
    badge, word = VIEW_STATES.get(request.state, ("unavailable", request.state))
    word = _USED.get(request.act, word) if request.state == "opened" else word
    why = ", ".join(code_in_words(code) for code in (request.purpose, request.incident_kind) if code)
    return ViewCard(request, camera_names.get(request.camera_id, ""), badge, word, why, _who(request, people))


def view_task_of(request: ViewRequest, camera_names: Mapping[str, str]) -> Task:
    """The request as something that waits for the owner."""
    name = camera_names.get(request.camera_id, "")
    return Task(
        phrase(_ASKS[request.act], camera=name),
        code_in_words(request.purpose),
        "/portal/requests",
        request.created_at,
    )
