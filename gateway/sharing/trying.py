"""The form of "Test it on me", and each answer in the owner's words.

What is asked stands in the address, so that a test can be looked at again; nothing is saved by it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.kernel.phrases import phrase
from gateway.partners import Site
from gateway.sharing.evaluating import ASSURANCES, ROLES, USUAL_ASSURANCE, Asked, SomeRole, Supposed
from gateway.sharing.explaining import Explained
from gateway.sharing.forms import PURPOSES
from gateway.sharing.looking import Availability
from gateway.web import Form
from policies.geo import MAX_LAT_E6
from policies.request import Permit, Span
from policies.vocabulary import PURPOSES_OF_KIND, Act, IncidentKind, Layer, Origin, Purpose, Reason, Remedy

FIELDS: Final = ("role", "agency", "sign_in", "what", "purpose", "incident", "origin", "at")
NOBODY: Final = "none"
FAR_M: Final[Mapping[str, int]] = {"here": 0, "near": 250, "mile": 1600}  # of the supposed incident, to the north
CLIP: Final = timedelta(minutes=5)  # the recording that is asked for lies this long back
YEARS: Final = 5
_M_PER_DEGREE: Final = 111_195
WHATS: Final[Mapping[str, tuple[Act, str]]] = {
    "live": (Act.LIVE_VIEW, "Watch live"),
    "ask": (Act.CLIP_REQUEST, "Ask you for the last five minutes"),
    "have": (Act.CLIP_FETCH, "Have the last five minutes without asking"),
}
ROLE_WORDS: Final[Mapping[str, str]] = {"operator": "An operator", "supervisor": "A supervisor"}
SIGN_INS: Final[Mapping[int, str]] = {
    1: "With a password alone",
    2: "With a password and a code",
    3: "With a passkey",
}
INCIDENTS: Final[Mapping[str, str]] = {
    NOBODY: "No incident",
    "here": "At this place",
    "near": "About 800 ft from this place",
    "mile": "A mile from this place",
}
ORIGINS: Final[Mapping[Origin, str]] = {
    Origin.CAD: "A call of the 911 centre",
    Origin.ALERT: "An alarm or a sensor",
    Origin.HAND: "An operator opened it",
    Origin.PLANNED: "An event known before",
}
STATES: Final[Mapping[Availability, str]] = {
    Availability.AVAILABLE: "Available",
    Availability.AVAILABLE_IF: "Available if …",
    Availability.NOT_AVAILABLE: "Not available for this purpose",
}
UNKNOWN: Final = "They do not know of this camera"
REMEDIES: Final[Mapping[Remedy, str]] = {
    Remedy.ASK: "They can ask you.",
    Remedy.LINK_INCIDENT: "They can if there is an incident.",
    Remedy.TWO_PERSONS: "They can by emergency access of two people.",
}
WHY: Final[Mapping[Reason, str]] = {
    Reason.SUSPENDED: "Sharing is switched off for the whole network.",
    Reason.PAUSED: "Your site is paused.",
    Reason.PARTNER_INACTIVE: "Your organisation does not take part, or is not confirmed yet.",
    Reason.NO_SUCH_CAMERA: "Your site shares no such camera.",
    Reason.AGREEMENT: "Your agreement does not cover this.",
    Reason.PURPOSE_MISMATCH: "Such an incident is no reason for this purpose.",
    Reason.DENY_RULE: "You said no to them.",
    Reason.NOT_SHARED: "You have not said that this camera is shared.",
    Reason.GRANTEE: "Your answers for this camera are for others.",
    Reason.ACT: "Your answers for this camera do not give this.",
    Reason.PURPOSE: "Your answers for this camera do not name this purpose.",
    Reason.DATES: "Your answer has ended, or has not begun.",
    Reason.WINDOW: "It is outside the hours that you gave.",
    Reason.CONDITION: "What your answer asks for is not so: no incident that counts is near, or nobody said yes.",
    Reason.TERMS: "It is more than your answer gives: longer, older or larger.",
    Reason.MASKS: "This camera lacks an area that must be black, so no picture is given.",
    Reason.TOTALS: "Your limit for a day, or for one time, is reached.",
    Reason.AGENCY: "Their own agency does not let them, or their sign-in is too weak.",
}
OTHERWISE: Final = "The rules could not be read, so nothing is given."
_ANSWER: Final = re.compile(r"c(\d+)\.")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the owner's words; every text is English and said in the reader's language by the page.

    Attributes:
        state: a word of the state's badge.
        sentences: why, and what they could do.
        by_answer: the owner's answer that gave it, stopped it or came nearest; 0 for none.
        changes_at: when it may change by itself.
    """

    badge: str
    state: str
    sentences: tuple[str, ...]
    by_answer: int
    changes_at: datetime | None


def in_words(explained: Explained) -> Answer:
    """What an owner reads of a decision about their own camera."""
    if isinstance(explained.decision, Permit):
        rules, why = explained.decision.rules, ""
    else:
        denied = explained.decision
        rules = (denied.rule,)
        cite = denied.explanation.partition(": ")[2]
        is_law = denied.layer is Layer.GUARDRAIL and cite
        why = phrase("An ordinance forbids it: %(cite)s", cite=cite) if is_law else WHY.get(denied.reason, OTHERWISE)
    sentences = [why] if why else []
    sentences += [REMEDIES[remedy] for remedy in explained.remedies]
    found = _ANSWER.match(rules[0]) if rules else None
    return Answer(
        badge={"available": "permitted", "available_if": "ask"}.get(explained.availability, "unavailable"),
        state=STATES[explained.availability] if explained.is_known else UNKNOWN,
        sentences=tuple(sentences),
        by_answer=int(found[1]) if found else 0,
        changes_at=explained.changes_at,
    )


def values_of(given: Mapping[str, str]) -> dict[str, str]:
    """What the form shows: what was given, or where a test usually begins."""
    usual = {
        "role": ROLES[0],
        "sign_in": str(USUAL_ASSURANCE),
        "what": "live",
        "purpose": str(Purpose.VIOLENT_CRIME),
        "incident": "here",
        "origin": str(Origin.CAD),
        "at": "",
    }
    return usual | dict(given)


def read_test(form: Form, site: Site, *, now: datetime, agencies: tuple[str, ...]) -> Asked:
    """The question that the form asks.

    Args:
        form: what was given.
        site: the place it is about; times are meant on its clocks.
        now: for an empty time.
        agencies: the agencies there are.

    Raises:
        InvalidError: something is wrong; `fields` holds every sentence.
    """
    role = form.choice("role", ROLES)
    form.choice("agency", agencies)
    sign_in = form.choice("sign_in", [str(level) for level in ASSURANCES])
    what = form.choice("what", WHATS)
    purpose = form.choice("purpose", [str(word) for word in PURPOSES])
    near = form.choice("incident", [NOBODY, *FAR_M])
    origin = form.choice("origin", [str(word) for word in Origin])
    at = _moment(form, site, now)
    form.check()
    act = WHATS[what][0]
    return Asked(
        subject=SomeRole(role, "", int(sign_in)),
        act=act,
        purpose=Purpose(purpose),
        supposed=None if near == NOBODY else _supposed(site, Purpose(purpose), Origin(origin), FAR_M[near]),
        span=None if act is Act.LIVE_VIEW else Span(at - CLIP, at),
        at=at,
    )


def _supposed(site: Site, purpose: Purpose, origin: Origin, metres: int) -> Supposed:
    """An incident that is a ground for the purpose, so far to the north."""
    kind = next(kind for kind in IncidentKind if purpose in PURPOSES_OF_KIND[kind])
    lat = min(site.place.lat + metres / _M_PER_DEGREE, MAX_LAT_E6 / 1e6 - 1)
    return Supposed(kind, origin, lat, site.place.lon)


def _moment(form: Form, site: Site, now: datetime) -> datetime:
    """The time on the site's clocks; an empty one is now."""
    text = form.given("at")
    if not text:
        return now
    try:
        moment = datetime.strptime(text[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo(site.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        form.wrong("at", "Give day and time, for instance 2026-11-22T14:30, or leave it empty for now.")
        return now
    if abs(moment - now) > timedelta(days=365 * YEARS):
        form.wrong("at", "Give a time within five years.")
        return now
    return moment
