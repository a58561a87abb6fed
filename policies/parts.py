"""The parts of an owner's policy, each with the strict reading of its written form.

All times are milliseconds since 1970 UTC, all distances metres, all places millionths of a degree. The written form of
a part is its fields by name (`plain`), sets sorted, so that it passes canonical JSON.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies import hours
from policies.fields import Fields, PolicyError
from policies.geo import MAX_LAT_E6, MAX_LON_E6, Point
from policies.vocabulary import Act, Condition, Effect, Notify, Origin, OwnerRole, Purpose

ALWAYS: Final = "always"  # the window that is never closed
NO_TERMS: Final = "none"  # the terms of a deny rule: it stops everything it names
DAY_S: Final = 24 * 3600
MAX_RULES: Final = 256  # of one document, which has to stay under 48 KiB
MAX_TERMS: Final = 64
MAX_RADIUS_M: Final = 50_000
MAX_SESSION_S: Final = 12 * 3600
MAX_CLIP_S: Final = DAY_S
MAX_HOLD_S: Final = 90 * DAY_S
MAX_LOOK_BACK_S: Final = 365 * DAY_S
MAX_LINES: Final = 4320
MAX_PER_DAY_S: Final = 256 * DAY_S  # every camera, all day
LIVE_S_PER_DAY: Final = 8 * 3600  # of a site whose owner said nothing else
CLIP_S_PER_DAY: Final = 4 * 3600
UNWRITTEN: Final = "unwritten"  # metadata of a field: the value for which it is left out
_GRANTEE: Final = re.compile(r"any|agency:[a-z0-9_]+|unit:[a-z0-9_]+/[a-z0-9_-]+|role:[a-z0-9_]+/[a-z_]+")
_NEAR: Final = re.compile(r"near:([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Agreement:
    """The accepted agreement: its version, and the SHA-256 of the text the owner saw."""

    mou: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A credential that may approve (base64url id and COSE key); a suspended one may not, but stays listed.

    Attributes:
        role: written only where it is not `owner`: whoever does not know the field refuses the document.
    """

    credential: str
    public_key: str
    is_suspended: bool
    role: OwnerRole = dataclasses.field(default=OwnerRole.OWNER, metadata={UNWRITTEN: OwnerRole.OWNER})


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera the owner ticked. Its name and address stay on site and in the portal."""

    id: str
    lat_e6: int
    lon_e6: int

    @property
    def place(self) -> Point:
        """Where it stands."""
        return Point(self.lat_e6, self.lon_e6)


@dataclass(frozen=True, slots=True)
class Group:
    """Cameras the owner speaks of as one."""

    id: str
    cameras: frozenset[str]


@dataclass(frozen=True, slots=True)
class Window:
    """A weekly window on the wall clock of `zone`; `spans` are minutes of the week, sorted and merged."""

    id: str
    zone: str
    spans: hours.Spans


@dataclass(frozen=True, slots=True)
class Terms:
    """How much a rule lets out at most, and what it obliges to.

    Attributes:
        session_s: seconds of one live view.
        clip_s: seconds of one recording.
        hold_s: seconds a recording may be kept from being overwritten.
        look_back_s: how far before now a recording may begin.
        around_s: None, or how far from the opening of the named incident a recording may lie.
        height_lines: picture height.
        history_from_ms: nothing recorded before this is given.
        masks: masks that stay on.
        watermark: whether the viewer's identity is laid over the picture.
        notify: when the owner hears of it.
    """

    id: str
    session_s: int
    clip_s: int
    hold_s: int
    look_back_s: int
    around_s: int | None
    height_lines: int
    history_from_ms: int
    masks: frozenset[str] = frozenset()
    watermark: bool = True
    notify: Notify = Notify.NOW


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of the owner.

    Attributes:
        grantee: `any`, `agency:…`, `unit:agency/unit` or `role:agency/role`.
        scope: `partner` (the same sentence stands in every site's document), `site`, `camera:…`, `group:…` or `tag:…`.
        window: the id of a window, or `always`.
        condition: `always`, `any`, `near:<metres>`, `ask`, `panic` or `two_persons`.
        origins: for `any` and `near`: who may have said that the incident exists.
        is_moving: whether an incident that moved since it was opened still counts.
        from_ms: not before, or None.
        until_ms: up to, not including, or None.
        terms: the id of terms, or `none` for a deny.
    """

    id: str
    effect: Effect
    grantee: str
    scope: str
    acts: frozenset[Act]
    purposes: frozenset[Purpose]
    window: str
    condition: str
    origins: frozenset[Origin]
    is_moving: bool
    from_ms: int | None
    until_ms: int | None
    terms: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """The most that the agreement between city and owner lets any rule give."""

    mou: str
    agencies: frozenset[str]
    acts: frozenset[Act]
    purposes: frozenset[Purpose]
    from_ms: int
    until_ms: int | None
    session_s: int
    clip_s: int
    hold_s: int
    look_back_s: int
    height_lines: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Limits over all rules of the site together, per day of 24 hours and at one time."""

    live_s_per_day: int
    clip_s_per_day: int
    views_at_once: int


def plain(value: object) -> object:
    """The JSON form of a part: sets sorted, tuples as lists, words as text."""
    if dataclasses.is_dataclass(value):
        said = {item: getattr(value, item.name) for item in dataclasses.fields(value)}
        return {item.name: plain(one) for item, one in said.items() if one is not item.metadata.get(UNWRITTEN, said)}
    match value:
        case StrEnum():
            return str(value)
        case frozenset():
            return sorted(map(str, value))
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case tuple():
            return [plain(item) for item in value]
        case _:
            return value


def radius_m(condition: str) -> int | None:
    """The radius of `near:<metres>`; None for every other condition."""
    kind, _, number = condition.partition(":")
    return int(number) if kind == Condition.NEAR else None


def read_agreement(value: object, path: str) -> Agreement:
    """Read an agreement's reference."""
    fields = Fields(value, path)
    return fields.done(Agreement(fields.name("mou"), fields.sha256("sha256")))


def read_owner(value: object, path: str) -> Owner:
    """Read one approval credential."""
    fields = Fields(value, path)
    owner = Owner(
        credential=fields.text("credential", 512),
        public_key=fields.text("public_key", 1024),
        is_suspended=fields.flag("is_suspended"),
        role=fields.word("role", OwnerRole) if "role" in fields else OwnerRole.OWNER,
    )
    if "role" in fields and owner.role is OwnerRole.OWNER:  # one owner has one written form
        raise PolicyError(fields.at("role"), "is written only where it is not owner")
    return fields.done(owner)


def read_camera(value: object, path: str) -> Camera:
    """Read one camera."""
    fields = Fields(value, path)
    lat, lon = fields.whole("lat_e6", -MAX_LAT_E6, MAX_LAT_E6), fields.whole("lon_e6", -MAX_LON_E6, MAX_LON_E6)
    return fields.done(Camera(fields.name("id"), lat, lon))


def read_group(value: object, path: str) -> Group:
    """Read one group."""
    fields = Fields(value, path)
    return fields.done(Group(fields.name("id"), fields.names("cameras")))


def read_window(value: object, path: str) -> Window:
    """Read one weekly window."""
    fields = Fields(value, path)
    window = Window(fields.name("id"), fields.text("zone", 64), read_spans(fields, "spans"))
    if not hours.is_zone(window.zone):
        raise PolicyError(fields.at("zone"), "must be an IANA time zone, such as America/Chicago")
    return fields.done(window)


def read_spans(fields: Fields, name: str) -> hours.Spans:
    """Read the spans of a weekly window: at least one, sorted and merged."""
    spans = fields.items(name, _span, 64)
    if not spans or spans != hours.normal(list(spans)):
        raise PolicyError(fields.at(name), "must be at least one span, sorted and merged")
    return spans


def read_terms(value: object, path: str) -> Terms:
    """Read one set of terms."""
    fields = Fields(value, path)
    terms = Terms(
        id=fields.name("id"),
        session_s=fields.whole("session_s", 0, MAX_SESSION_S),
        clip_s=fields.whole("clip_s", 0, MAX_CLIP_S),
        hold_s=fields.whole("hold_s", 0, MAX_HOLD_S),
        look_back_s=fields.whole("look_back_s", 0, MAX_LOOK_BACK_S),
        around_s=fields.whole_or_none("around_s"),
        height_lines=fields.whole("height_lines", 0, MAX_LINES),
        history_from_ms=fields.whole("history_from_ms"),
        masks=fields.names("masks"),
        watermark=fields.flag("watermark"),
        notify=fields.word("notify", Notify),
    )
    return fields.done(terms)


def read_rule(value: object, path: str) -> Rule:
    """Read one rule; that the names it uses are defined is checked by the policy as a whole."""
    fields = Fields(value, path)
    rule = Rule(
        id=fields.name("id"),
        effect=fields.word("effect", Effect),
        grantee=fields.matching("grantee", _GRANTEE),
        scope=fields.text("scope", 80),
        acts=fields.words("acts", Act),
        purposes=fields.words("purposes", Purpose),
        window=fields.name("window"),
        condition=as_condition(fields.raw("condition"), fields.at("condition")),
        origins=fields.words("origins", Origin),
        is_moving=fields.flag("is_moving"),
        from_ms=fields.whole_or_none("from_ms"),
        until_ms=fields.whole_or_none("until_ms"),
        terms=fields.name("terms"),
    )
    if not rule.acts or not rule.purposes:
        raise PolicyError(path, "needs at least one act and one purpose")
    return fields.done(rule)


def read_envelope(value: object, path: str) -> Envelope:
    """Read an agreement's envelope."""
    fields = Fields(value, path)
    envelope = Envelope(
        mou=fields.name("mou"),
        agencies=fields.names("agencies"),
        acts=fields.words("acts", Act),
        purposes=fields.words("purposes", Purpose),
        from_ms=fields.whole("from_ms"),
        until_ms=fields.whole_or_none("until_ms"),
        session_s=fields.whole("session_s", 0, MAX_SESSION_S),
        clip_s=fields.whole("clip_s", 0, MAX_CLIP_S),
        hold_s=fields.whole("hold_s", 0, MAX_HOLD_S),
        look_back_s=fields.whole("look_back_s", 0, MAX_LOOK_BACK_S),
        height_lines=fields.whole("height_lines", 0, MAX_LINES),
    )
    return fields.done(envelope)


def read_totals(value: object, path: str) -> Totals:
    """Read the totals of a site."""
    fields = Fields(value, path)
    totals = Totals(
        live_s_per_day=fields.whole("live_s_per_day", 0, MAX_PER_DAY_S),
        clip_s_per_day=fields.whole("clip_s_per_day", 0, MAX_PER_DAY_S),
        views_at_once=fields.whole("views_at_once", 0, 256),
    )
    return fields.done(totals)


def as_condition(value: object, path: str) -> str:
    """A condition in its one written form: a plain word, or `near:` with a radius.

    Raises:
        PolicyError: it is none.
    """
    if isinstance(value, str):
        near = _NEAR.fullmatch(value)
        if near and int(near[1]) <= MAX_RADIUS_M:
            return value
        if value in set(Condition) - {Condition.NEAR}:
            return value
    raise PolicyError(path, f"must be always, any, near:<metres up to {MAX_RADIUS_M}>, ask, panic or two_persons")


def as_grantee(value: object, path: str) -> str:
    """An agency, a unit or a role in its one written form.

    Raises:
        PolicyError: it is none.
    """
    if isinstance(value, str) and value != "any" and _GRANTEE.fullmatch(value):
        return value
    raise PolicyError(path, "must be agency:…, unit:agency/unit or role:agency/role")


def _span(value: object, path: str) -> tuple[int, int]:
    match value:
        case [int(start), int(end)] if 0 <= start < end <= hours.WEEK_MIN and not {bool} & {type(start), type(end)}:
            return start, end
        case _:
            raise PolicyError(path, "must be [start, end] in minutes of the week")
