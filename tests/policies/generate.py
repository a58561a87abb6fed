"""A directed generator of policies and requests, and an oracle that knows nothing of our kernel.

Uniform requests are denied nearly always and find little. Here a rule is taken, a request is built that satisfies it
(times at the edges of windows, distances at the edge of the radius, lengths at the limit), and then at most one
dimension is broken.
"""

import dataclasses
import math
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from policies.geo import CELL_E6, Cell, far_edge_m
from policies.hours import WEEK_MIN
from policies.model import Policy, Rule, Window
from policies.request import Approval, Caps, Facts, Incident, Request, Span
from policies.vocabulary import LIVE_ACTS, RANGE_ACTS, Act, Effect, IncidentKind, Notify, Origin, Tag
from tests.policies.build import LAT, NOW, PARTNER, PURPOSES, camera, policy, rule, subject, terms

GRANTEES = ("any", "agency:age_1", "unit:age_1/rtcc", "role:age_1/operator", "agency:age_2")
SCOPES = ("site", "group:yard", "camera:cam_1", "tag:transit")
CONDITIONS = ("always", "any", "near:700", "ask", "panic", "two_persons")
ACTS = (Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE, Act.CLIP_FETCH, Act.REGISTRY_VIEW, Act.PRESERVE_PLACE)
WINDOWS = (
    Window("w1", "America/Chicago", ((480, 1080), (1920, 2520))),
    Window("w2", "Europe/Berlin", ((0, 120), (WEEK_MIN - 60, WEEK_MIN))),
)
TERMS = (
    terms("t"),
    terms("short", session_s=60, clip_s=120, look_back_s=3600, height_lines=480, notify=Notify.DIGEST),
    terms("around", around_s=1800, watermark=False, masks=frozenset({"m1"}), history_from_ms=1_000),
)


def random_rule(dice: Random, name: str) -> Rule:
    """Any rule of the vocabulary above."""
    effect = Effect.DENY if dice.random() < 0.15 else Effect.ALLOW
    since = NOW + timedelta(hours=dice.choice((-1, 0, 1)))
    made = rule(
        name,
        effect=effect,
        grantee=dice.choice(GRANTEES),
        scope=dice.choice(SCOPES),
        acts=frozenset(dice.sample(ACTS, dice.choice((1, 2, 3)))),
        purposes=frozenset(dice.sample(sorted(PURPOSES), dice.choice((1, 2)))),
        window=dice.choice(("always", "w1", "w2")),
        condition="always" if effect is Effect.DENY else dice.choice(CONDITIONS),
        origins=frozenset(dice.sample(sorted(Origin), dice.choice((1, 2, 3)))),
        is_moving=dice.random() < 0.5,
        terms="none" if effect is Effect.DENY else dice.choice(("t", "short", "around")),
    )
    dated = ("open", "from", "until", "both") if made.window == "always" or dice.random() < 0.1 else ("open",)
    match dice.choice(dated):
        case "from":
            return dataclasses.replace(made, from_ms=_ms(since))
        case "until":
            return dataclasses.replace(made, until_ms=_ms(since))
        case "both":
            return dataclasses.replace(made, from_ms=_ms(since), until_ms=_ms(since + timedelta(hours=2)))
        case _:
            return made


def random_policy(dice: Random) -> Policy:
    """A few rules; half of the time one of them stands again with the opposite effect."""
    rules = [random_rule(dice, f"r{index}") for index in range(dice.randint(1, 5))]
    if dice.random() < 0.5:
        twin = dice.choice(rules)
        is_deny = twin.effect is Effect.DENY
        flipped = dataclasses.replace(
            twin,
            id="twin",
            effect=Effect.ALLOW if is_deny else Effect.DENY,
            acts=frozenset(dice.sample(sorted(twin.acts), dice.randint(1, len(twin.acts)))),
            condition="always",
            terms="t" if is_deny else "none",
        )
        rules.insert(dice.randint(0, len(rules)), flipped)
    return policy(
        *rules,
        windows=WINDOWS,
        terms=TERMS,
        tags={Tag.TRANSIT: frozenset({"cam_1"})},
        cameras=(camera(), camera("cam_2", LAT + 0.01)),
    )


def directed(dice: Random, held: Policy) -> tuple[Request, Facts]:
    """A request that satisfies a rule of the policy, or misses it in one dimension."""
    chosen = dice.choice(held.rules)
    asked, facts = satisfying(dice, held, chosen)
    return (asked, facts) if dice.random() < 0.5 else broken(dice, asked, facts)


def satisfying(dice: Random, held: Policy, chosen: Rule) -> tuple[Request, Facts]:
    """A request that this rule matches, as far as it can be matched at all."""
    limits = held.terms_by_id.get(chosen.terms, TERMS[0])
    now = _moment(dice, held, chosen)
    name = dice.choice(sorted(held.members_by_scope[chosen.scope]))
    act = dice.choice(sorted(chosen.acts))
    others = chosen.acts if dice.random() < 0.5 else frozenset[Act]()
    is_clip = act is Act.CLIP_FETCH
    length = limits.clip_s if is_clip else limits.session_s if act in LIVE_ACTS else limits.hold_s
    reach = limits.look_back_s if limits.around_s is None else limits.around_s
    incident = _incident(dice, held, chosen, name, now)
    start = now - timedelta(seconds=dice.choice((reach, reach // 2)))
    ranged = Span(start, start + timedelta(seconds=min(limits.clip_s, 60)))
    return (
        Request(
            now=now,
            partner=PARTNER,
            camera=name,
            act=act,
            purpose=dice.choice(sorted(chosen.purposes)),
            subject=_subject(chosen),
            caps=Caps(
                dice.choice((length, max(length // 2, 1))),
                dice.choice((limits.height_lines, 240)),
                audio=Act.LIVE_AUDIO in others and act in LIVE_ACTS,
                ptz=Act.PTZ_MOVE in others and act in LIVE_ACTS,
            ),
            incident=dataclasses.replace(incident, opened_at=now) if limits.around_s is not None else incident,
            span=ranged if act in RANGE_ACTS else None,
        ),
        Facts(
            panic_until=now + timedelta(minutes=5),
            approval=Approval(act, now + timedelta(minutes=5)),
            is_second_person_present=True,
        ),
    )


def broken(dice: Random, asked: Request, facts: Facts) -> tuple[Request, Facts]:
    """The same with one thing changed."""
    incident = asked.incident
    far = None if incident is None else dataclasses.replace(incident, cell=Cell(incident.cell.lat + 9, 0))
    moved = None if incident is None else dataclasses.replace(incident, has_moved=True)
    closed = None if incident is None else dataclasses.replace(incident, is_active=False)
    by = None if incident is None else dataclasses.replace(incident, origin=dice.choice(sorted(Origin)))
    caps, span = asked.caps, asked.span
    older = None if span is None else Span(span.start - timedelta(seconds=1), span.end)
    later = None if span is None else Span(span.start, span.end + timedelta(hours=3))
    requests = [
        {"partner": "org_2"},
        {"camera": "cam_2" if asked.camera == "cam_1" else "cam_1"},
        {"act": dice.choice([act for act in ACTS if span is not None or act not in RANGE_ACTS])},
        {"purpose": dice.choice(sorted(PURPOSES))},
        {"subject": subject(agency="age_2", roles=frozenset({"supervisor"}))},
        {"now": asked.now + timedelta(minutes=dice.choice((-1, 1, 60, 600)))},
        *({"incident": other} for other in (None, far, moved, closed, by)),
        {"caps": dataclasses.replace(caps, seconds=caps.seconds + 1)},
        {"caps": dataclasses.replace(caps, height_lines=caps.height_lines + 1)},
        {"caps": dataclasses.replace(caps, audio=True)},
        {"span": older},
        {"span": later},
    ]
    less = [{"panic_until": None}, {"approval": None}, {"is_second_person_present": False}]
    if dice.random() < 0.2:
        return asked, dataclasses.replace(facts, **dice.choice(less))
    return dataclasses.replace(asked, **dice.choice(requests)), facts


def oracle(held: Policy, asked: Request, facts: Facts) -> tuple[bool, str]:
    """The answer of the owner's rules, written a second time from their meaning: allowed, and the rule."""
    first = ""
    for one in held.rules:
        if _applies(held, one, asked, facts):
            if one.effect is Effect.DENY:
                return False, one.id
            first = first or one.id
    return bool(first), first


def _applies(held: Policy, one: Rule, asked: Request, facts: Facts) -> bool:
    acts = {asked.act} | ({Act.LIVE_AUDIO} if asked.caps.audio else set())
    acts |= {Act.PTZ_MOVE} if asked.caps.ptz else set()
    is_allow = one.effect is Effect.ALLOW
    return (
        asked.partner == held.partner
        and asked.camera in held.members_by_scope[one.scope]
        and _is_meant(one.grantee, asked)
        and (acts <= one.acts if is_allow else bool(acts & one.acts))
        and asked.purpose in one.purposes
        and (one.from_ms is None or one.from_ms <= _ms(asked.now))
        and (one.until_ms is None or _ms(asked.now) < one.until_ms)
        and _is_open(held, one, asked.now)
        and _holds(held, one, asked, facts)
        and (not is_allow or _fits(held, one, asked))
    )


def _is_meant(grantee: str, asked: Request) -> bool:
    who = asked.subject
    names = ["any", "agency:" + who.agency, "unit:" + who.agency + "/" + who.unit]
    return grantee in names + ["role:" + who.agency + "/" + role for role in who.roles]


def _is_open(held: Policy, one: Rule, now: datetime) -> bool:
    for window in held.windows:
        if window.id == one.window:
            local = now.astimezone(ZoneInfo(window.zone))
            minute = (local.isoweekday() - 1) * 1440 + local.hour * 60 + local.minute
            return any(minute in range(start, end) for start, end in window.spans)
    return True


def _holds(held: Policy, one: Rule, asked: Request, facts: Facts) -> bool:
    simple = {
        "always": True,
        "ask": bool(facts.approval and facts.approval.act == asked.act and asked.now < facts.approval.until),
        "panic": bool(facts.panic_until and asked.now < facts.panic_until),
        "two_persons": facts.is_second_person_present,
    }
    if one.condition in simple:
        return simple[one.condition]
    told = asked.incident
    if told is None or told.origin not in one.origins or (told.has_moved and not one.is_moving):
        return False
    if not told.is_active and asked.act not in RANGE_ACTS:
        return False
    if one.condition == "any":
        return True
    at = next(camera for camera in held.cameras if camera.id == asked.camera)
    return _far(at.lat_e6 / 1e6, at.lon_e6 / 1e6, told.cell) <= int(one.condition[5:])


def _far(lat: float, lon: float, cell: Cell) -> float:
    """The farthest corner, through the chord between unit vectors."""
    corners = [((cell.lat + i) * CELL_E6 / 1e6, (cell.lon + j) * CELL_E6 / 1e6) for i in (0, 1) for j in (0, 1)]
    return max(6_371_008.8 * 2 * math.asin(math.dist(_vector(lat, lon), _vector(*corner)) / 2) for corner in corners)


def _vector(lat: float, lon: float) -> tuple[float, float, float]:
    a, b = math.radians(lat), math.radians(lon)
    return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)


def _fits(held: Policy, one: Rule, asked: Request) -> bool:
    limits = next(item for item in held.terms if item.id == one.terms)
    asked_s = asked.caps.seconds
    if asked.act in {Act.CLIP_FETCH, Act.CLIP_REQUEST, Act.RECORDED_VIEW} and asked.span:
        asked_s = max(asked_s, math.ceil((asked.span.end - asked.span.start).total_seconds()))
        bound = limits.clip_s
    elif asked.act is Act.PRESERVE_PLACE:
        bound = limits.hold_s
    elif asked.act in {Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE}:
        bound = limits.session_s
    else:
        bound = asked_s
    if asked_s > bound or asked.caps.height_lines > limits.height_lines:
        return False
    if asked.span is None:
        return True
    age_s = (asked.now - asked.span.start).total_seconds()
    if age_s > limits.look_back_s or asked.span.start.timestamp() * 1000 < limits.history_from_ms:
        return False
    if limits.around_s is None:
        return True
    if asked.incident is None:
        return False
    before = (asked.incident.opened_at - asked.span.start).total_seconds()
    after = (asked.span.end - asked.incident.opened_at).total_seconds()
    return max(before, after) <= limits.around_s


def _subject(chosen: Rule) -> object:
    agency = "age_2" if chosen.grantee == "agency:age_2" else "age_1"
    return subject(agency=agency)


def _incident(dice: Random, held: Policy, chosen: Rule, name: str, now: datetime) -> Incident:
    at = held.camera_by_id[name].place
    near = [Cell(at.lat_e6 // CELL_E6 + i, at.lon_e6 // CELL_E6 + j) for i in range(-6, 7) for j in (-1, 0, 1)]
    inside = [cell for cell in near if far_edge_m(at, cell) <= 700]
    edge = max(inside, key=lambda cell: far_edge_m(at, cell))
    return Incident(
        ref="inc_1",
        kind=IncidentKind.ROBBERY,
        origin=dice.choice(sorted(chosen.origins)),
        cell=dice.choice((edge, near[0], inside[0])),
        opened_at=now - timedelta(minutes=5),
        has_moved=chosen.is_moving and dice.random() < 0.5,
    )


def _moment(dice: Random, held: Policy, chosen: Rule) -> datetime:
    """A moment within the rule's window or dates, often at their edges, now and then just outside."""
    window = held.window_by_id.get(chosen.window)
    if window is not None:
        start, end = dice.choice(window.spans)
        inside = (start, end - 1, (start + end) // 2)
        minute = dice.choice((end, (start - 1) % WEEK_MIN)) if dice.random() < 0.1 else dice.choice(inside)
        monday = datetime(2026, 6, 1, tzinfo=ZoneInfo(window.zone))
        return (monday + timedelta(minutes=minute)).astimezone(UTC)
    low = _ms(NOW) - 3_600_000 if chosen.from_ms is None else chosen.from_ms
    high = low + 7_200_000 if chosen.until_ms is None else chosen.until_ms
    inside = (low, high - 1, (low + high) // 2)
    moment = dice.choice((low - 1, high)) if dice.random() < 0.1 else dice.choice(inside)
    return datetime.fromtimestamp(moment / 1000, UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
