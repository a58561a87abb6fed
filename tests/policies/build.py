"""Small builders: a policy, an incident, a request, the layers of both places."""

from datetime import UTC, datetime, timedelta
from typing import Any

from policies import packs
from policies.geo import cell_of, point_of
from policies.layers import AgencyLayer, GuardrailLayer, Layers, SharingLayer
from policies.model import Agreement, Camera, Envelope, Group, Policy, Rule, Terms, Totals, Window
from policies.request import Caps, Facts, Incident, Invariants, Place, Request, Span, Subject
from policies.vocabulary import Act, Effect, IncidentKind, Notify, Origin, Purpose

NOW = datetime(2026, 6, 3, 15, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Chicago
PARTNER, AGENCY = "org_1", "age_1"
LAT, LON = 41.88, -87.63
_SHIPPED: Any = packs.load_document("ordinances", "open_city/pack.json")
_QUIET = (("no_sound_where_people_live", "tag:residential"), ("no_sound_in_worship", "tag:worship"))
PACK_DOCUMENT: dict[str, Any] = {  # a city that lets owners share sound, though not of homes
    **_SHIPPED,
    "rules": [
        {**one, "id": name, "scope": scope}
        for one in _SHIPPED["rules"]
        for name, scope in (_QUIET if one["id"] == "no_sound" else ((one["id"], one["scope"]),))
    ],
    "exceptions": [{"of": "sound", "cite": "Section 9: sound where its owner gives it, and nobody lives."}],
}
PACK = packs.read_ordinance(PACK_DOCUMENT)
GUARD = GuardrailLayer(PACK)
AGENCY_LAYER = AgencyLayer(packs.agency_rules("default"))
EVERYTHING = frozenset(Act)
PURPOSES = frozenset({Purpose.LIFE_SAFETY, Purpose.VIOLENT_CRIME, Purpose.PROPERTY_CRIME, Purpose.INVESTIGATION})
OFFICE = Window("office", "America/Chicago", tuple((day * 1440 + 480, day * 1440 + 1080) for day in range(5)))


def camera(name: str = "cam_1", lat: float = LAT, lon: float = LON) -> Camera:
    """A camera in the loop."""
    point = point_of(lat, lon)
    return Camera(name, point.lat_e6, point.lon_e6)


def terms(name: str = "t", **changes: Any) -> Terms:
    """Ordinary terms, with changes."""
    usual: dict[str, Any] = {
        "id": name, "session_s": 600, "clip_s": 900, "hold_s": 259_200, "look_back_s": 86_400, "around_s": None,
        "height_lines": 1080, "history_from_ms": 0, "masks": frozenset(), "watermark": True, "notify": Notify.NOW,
    }  # fmt: skip
    return Terms(**{**usual, **changes})


def rule(name: str = "r", **changes: Any) -> Rule:
    """An allow of live views to everybody, with changes."""
    usual: dict[str, Any] = {
        "id": name, "effect": Effect.ALLOW, "grantee": "any", "scope": "site", "acts": frozenset({Act.LIVE_VIEW}),
        "purposes": PURPOSES, "window": "always", "condition": "always",
        "origins": frozenset({Origin.CAD, Origin.ALERT, Origin.PLANNED}), "is_moving": False, "from_ms": None,
        "until_ms": None, "terms": "t",
    }  # fmt: skip
    return Rule(**{**usual, **changes})


def deny(name: str = "d", **changes: Any) -> Rule:
    """A deny, with changes."""
    return rule(name, **{"effect": Effect.DENY, "terms": "none", **changes})


def envelope(**changes: Any) -> Envelope:
    """A wide agreement, with changes."""
    usual: dict[str, Any] = {
        "mou": "pilot-1", "agencies": frozenset({AGENCY}), "acts": EVERYTHING, "purposes": frozenset(Purpose),
        "from_ms": 0, "until_ms": None, "session_s": 3600, "clip_s": 3600, "hold_s": 604_800, "look_back_s": 604_800,
        "height_lines": 2160,
    }  # fmt: skip
    return Envelope(**{**usual, **changes})


def policy(*rules: Rule, **changes: Any) -> Policy:
    """A policy of two cameras with these rules."""
    usual: dict[str, Any] = {
        "partner": PARTNER, "agreement": Agreement("pilot-1", "0" * 64), "owners": (), "hold_s": 3600,
        "cameras": (camera(), camera("cam_2", LAT + 0.01)), "groups": (Group("yard", frozenset({"cam_2"})),),
        "tags": {},
        "rules": rules, "windows": (OFFICE,), "terms": (terms(),), "envelope": envelope(), "guardrail": PACK.digest,
        "totals": Totals(86_400, 86_400, 8),
    }  # fmt: skip
    return Policy(**{**usual, **changes})


def incident(lat: float = LAT, lon: float = LON, **changes: Any) -> Incident:
    """A robbery from the 911 centre, at the first camera."""
    usual: dict[str, Any] = {
        "ref": "inc_1", "kind": IncidentKind.ROBBERY, "origin": Origin.CAD, "cell": cell_of(lat, lon),
        "opened_at": NOW - timedelta(minutes=5),
    }  # fmt: skip
    return Incident(**{**usual, **changes})


def subject(**changes: Any) -> Subject:
    """An operator with two factors."""
    usual: dict[str, Any] = {
        "ref": "per_1", "agency": AGENCY, "unit": "rtcc", "roles": frozenset({"operator"}), "assurance": 2,
    }  # fmt: skip
    return Subject(**{**usual, **changes})


def request(**changes: Any) -> Request:
    """A live view of the first camera, with changes."""
    usual: dict[str, Any] = {
        "now": NOW, "partner": PARTNER, "camera": "cam_1", "act": Act.LIVE_VIEW, "purpose": Purpose.VIOLENT_CRIME,
        "subject": subject(), "caps": Caps(300, 720), "incident": incident(),
    }  # fmt: skip
    return Request(**{**usual, **changes})


def span(start_min: float = -10, end_min: float = -5) -> Span:
    """A recording, in minutes from now."""
    return Span(NOW + timedelta(minutes=start_min), NOW + timedelta(minutes=end_min))


def at_site(held: Policy, **changes: Any) -> Layers:
    """The agent's layers."""
    usual: dict[str, Any] = {
        "invariants": Invariants(is_camera_present=True), "guardrail": GUARD, "sharing": SharingLayer(held),
        "facts": Facts(),
    }  # fmt: skip
    return Layers.at_site(**{**usual, **changes})


def at_centre(*held: Policy, **changes: Any) -> Layers:
    """The gateway's layers."""
    usual: dict[str, Any] = {
        "place": Place.CENTRE, "invariants": Invariants(is_camera_present=True), "guardrail": GUARD,
        "envelope": envelope(), "sharing": tuple(SharingLayer(one) for one in held), "facts": Facts(),
        "agency": AGENCY_LAYER,
    }  # fmt: skip
    return Layers(**{**usual, **changes})
