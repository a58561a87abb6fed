"""A directed generator of policies and requests.

Uniform requests are denied nearly always and find little. Here a rule is taken, a request is built that satisfies it
(times at the edges of windows and dates, also in the weeks in which clocks change; distances at the edge of the
radius; ranges and lengths at their limits), half of the policies hold a rule again with the opposite effect, and then
at most one dimension is broken.
"""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

from policies.geo import CELL_E6, Cell, far_edge_m
from policies.hours import WEEK_MIN
from policies.model import Policy, Rule, Terms, Window
from policies.request import Approval, Caps, Facts, Incident, Request, Span, Subject
from policies.vocabulary import LIVE_ACTS, RANGE_ACTS, Act, Effect, IncidentKind, Notify, Origin, Tag
from tests.policies.build import LAT, NOW, PARTNER, PURPOSES, camera, policy, rule, subject, terms

GRANTEES = (
    "any", "agency:age_1", "unit:age_1/rtcc", "role:age_1/operator", "agency:age_2", "unit:age_1/patrol",
    "role:age_1/fire",
)  # fmt: skip
SCOPES = ("partner", "site", "group:yard", "camera:cam_1", "tag:transit")
CAMERAS = (camera(), camera("cam_2", LAT + 0.01))
WINDOWS = (
    Window("w1", "America/Chicago", ((480, 1080), (1920, 2520), (8700, 8820))),  # two days, and Sunday 01:00 to 03:00
    Window("w2", "Europe/Berlin", ((0, 120), (WEEK_MIN - 60, WEEK_MIN))),  # over the end of the week
)
HISTORY_MS = round((NOW - timedelta(hours=20)).timestamp() * 1000)
TERMS = (
    terms("t"),
    terms("short", session_s=60, clip_s=120, hold_s=900, look_back_s=3600, height_lines=480, notify=Notify.DIGEST),
    terms("around", around_s=1800, watermark=False, masks=frozenset({"m1"}), history_from_ms=HISTORY_MS),
)
MONDAYS = (date(2026, 6, 1), date(2026, 3, 2), date(2026, 10, 26), date(2026, 3, 23), date(2026, 10, 19))
ONE_US = timedelta(microseconds=1)


@cache
def _cells(name: str) -> tuple[tuple[int, Cell], ...]:
    """Cells around a camera, with the distance to their far edge, nearest first."""
    at = next(one for one in CAMERAS if one.id == name).place
    near = [Cell(at.lat_e6 // CELL_E6 + i, at.lon_e6 // CELL_E6 + j) for i in range(-6, 7) for j in (-1, 0, 1)]
    return tuple(sorted((far_edge_m(at, cell), cell) for cell in near))


EXACT_M = _cells("cam_1")[20][0]  # a radius that the far edge of one cell meets exactly
CONDITIONS = ("always", "any", "near:700", f"near:{EXACT_M}", "ask", "panic", "two_persons")


def random_rule(dice: Random, name: str) -> Rule:
    """Any rule of the vocabulary above."""
    effect = Effect.DENY if dice.random() < 0.15 else Effect.ALLOW
    since = NOW + timedelta(hours=dice.choice((-1, 0, 1)))
    made = rule(
        name,
        effect=effect,
        grantee=dice.choice(GRANTEES),
        scope=dice.choice(SCOPES),
        acts=frozenset(dice.sample(tuple(Act), dice.choice((1, 2, 3)))),
        purposes=frozenset(dice.sample(sorted(PURPOSES), dice.choice((1, 2)))),
        window=dice.choice(("always", "w1", "w2")),
        condition="always" if effect is Effect.DENY else dice.choice(CONDITIONS),
        origins=frozenset(dice.sample(tuple(Origin), dice.choice((1, 2, 3)))),
        is_moving=dice.random() < 0.5,
        terms="none" if effect is Effect.DENY else dice.choice(TERMS).id,
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


def random_policy(dice: Random, most: int = 5) -> Policy:
    """A few rules; half of the time one of them stands again with the opposite effect."""
    rules = [random_rule(dice, f"r{index}") for index in range(dice.randint(1, most))]
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
    return policy(*rules, windows=WINDOWS, terms=TERMS, tags={Tag.TRANSIT: frozenset({"cam_1"})}, cameras=CAMERAS)


def directed(dice: Random, held: Policy) -> tuple[Request, Facts]:
    """A request that satisfies a rule of the policy, or misses it in one dimension."""
    asked, facts = satisfying(dice, held, dice.choice(held.rules))
    return (asked, facts) if dice.random() < 0.5 else broken(dice, asked, facts)


def satisfying(dice: Random, held: Policy, chosen: Rule) -> tuple[Request, Facts]:
    """A request that this rule matches, as far as it can be matched at all."""
    limits = held.terms_by_id.get(chosen.terms, TERMS[0])
    now = _moment(dice, held, chosen)
    name = dice.choice(sorted(held.members_by_scope[chosen.scope]))
    act = dice.choice(sorted(chosen.acts))
    others = chosen.acts if act in LIVE_ACTS and dice.random() < 0.5 else frozenset[Act]()
    length = {Act.PRESERVE_PLACE: limits.hold_s}.get(act, limits.session_s if act in LIVE_ACTS else limits.clip_s)
    span, opened = _span(dice, limits, now, is_hold=act is Act.PRESERVE_PLACE)
    request = Request(
        now=now,
        partner=PARTNER,
        camera=name,
        act=act,
        purpose=dice.choice(sorted(chosen.purposes)),
        subject=_subject(dice, chosen),
        caps=Caps(
            dice.choice((length, max(length // 2, 1))),
            dice.choice((limits.height_lines, 240)),
            audio=Act.LIVE_AUDIO in others,
            ptz=Act.PTZ_MOVE in others,
        ),
        incident=_incident(dice, chosen, name, opened),
        span=span if act in RANGE_ACTS else None,
    )
    soon = now + dice.choice((timedelta(minutes=5), ONE_US))
    return request, Facts(panic_until=soon, approval=Approval(act, soon), is_second_person_present=True)


def broken(dice: Random, asked: Request, facts: Facts) -> tuple[Request, Facts]:
    """The same with one thing changed."""
    caps, span, incident = asked.caps, asked.span, asked.incident
    if dice.random() < 0.2:
        approval = facts.approval
        assert approval is not None
        return asked, dataclasses.replace(
            facts,
            **dice.choice(
                (
                    {"panic_until": None},
                    {"panic_until": asked.now},
                    {"approval": None},
                    {"approval": dataclasses.replace(approval, until=asked.now)},
                    {"approval": dataclasses.replace(approval, act=Act.SHARE_FORWARD)},
                    {"is_second_person_present": False},
                )
            ),
        )
    changes: list[dict[str, object]] = [
        {"partner": "org_2"},
        {"camera": "cam_2" if asked.camera == "cam_1" else "cam_1"},
        {"act": dice.choice([act for act in Act if span is not None or act not in RANGE_ACTS])},
        {"purpose": dice.choice(sorted(PURPOSES))},
        {"subject": subject(agency="age_2", roles=frozenset({"supervisor"}))},
        {"subject": subject(unit="patrol", roles=frozenset({"supervisor"}))},
        {"now": asked.now + timedelta(minutes=dice.choice((-1, 1, 60, 600)))},
        {"now": asked.now + dice.choice((-ONE_US, ONE_US))},
        *[{"caps": dataclasses.replace(caps, seconds=caps.seconds + 1)}] * 3,
        {"caps": dataclasses.replace(caps, height_lines=caps.height_lines + 1)},
        {"caps": dataclasses.replace(caps, audio=True)},
        {"caps": dataclasses.replace(caps, ptz=True)},
        {"incident": None},
    ]
    if incident is not None:
        changes += [
            {"incident": dataclasses.replace(incident, cell=Cell(incident.cell.lat + 9, incident.cell.lon))},
            {"incident": dataclasses.replace(incident, cell=dice.choice(_cells(asked.camera))[1])},
            {"incident": dataclasses.replace(incident, has_moved=True)},
            *[{"incident": dataclasses.replace(incident, is_active=False)}] * (1 if span is None else 3),
            {"incident": dataclasses.replace(incident, origin=dice.choice(tuple(Origin)))},
            {"incident": dataclasses.replace(incident, opened_at=incident.opened_at + timedelta(hours=2))},
        ]
    if span is not None:
        changes += [
            {"span": Span(span.start - ONE_US, span.end)},
            {"span": Span(span.start, span.end + ONE_US)},
            {"span": Span(span.start - timedelta(hours=1), span.end)},
            {"span": Span(span.start, span.end + timedelta(hours=3))},
        ]
    return dataclasses.replace(asked, **dice.choice(changes)), facts


def _subject(dice: Random, chosen: Rule) -> Subject:
    agency = "age_2" if chosen.grantee == "agency:age_2" else "age_1"
    roles = dice.choice((frozenset({"operator"}), frozenset({"operator", "supervisor"})))
    roles = frozenset({"fire"}) if chosen.grantee == "role:age_1/fire" else roles
    unit = chosen.grantee.partition("/")[2] if chosen.grantee.startswith("unit:") else "rtcc"
    return subject(agency=agency, roles=roles, unit=unit)


def _incident(dice: Random, chosen: Rule, name: str, opened: datetime) -> Incident:
    cells = _cells(name)
    radius = int(chosen.condition[5:]) if chosen.condition.startswith("near:") else 700
    inside = [cell for metres, cell in cells if metres <= radius]
    return Incident(
        ref="inc_1",
        kind=IncidentKind.ROBBERY,
        origin=dice.choice(sorted(chosen.origins)),
        cell=dice.choice((inside[-1], inside[0], cells[-1][1])) if dice.random() < 0.5 else inside[-1],
        opened_at=opened,
        has_moved=chosen.is_moving and dice.random() < 0.5,
    )


def _span(dice: Random, limits: Terms, now: datetime, *, is_hold: bool) -> tuple[Span, datetime]:
    """A range at the edge of what the terms reach, and the opening of an incident that it lies around."""
    length = timedelta(seconds=60 if is_hold else dice.choice((limits.clip_s, 60)))
    back = timedelta(seconds=dice.choice((limits.look_back_s, limits.look_back_s // 2)))
    start = now - back
    history = datetime.fromtimestamp(limits.history_from_ms / 1000, UTC)
    if history and dice.random() < 0.3 and history <= now <= history + back:
        start = history
    around = timedelta(seconds=limits.around_s or 300)
    opened = dice.choice((start + around, start + length - around))
    return Span(start, start + length), opened


def _moment(dice: Random, held: Policy, chosen: Rule) -> datetime:
    """A moment within the rule's window or dates, often at their edges, now and then just outside."""
    window = held.window_by_id.get(chosen.window)
    is_dated = chosen.from_ms is not None or chosen.until_ms is not None
    if window is not None:
        start, end = dice.choice(window.spans)
        inside = (start, end - 1, (start + end) // 2)
        minute = dice.choice((end, (start - 1) % WEEK_MIN)) if dice.random() < 0.1 else dice.choice(inside)
        week = MONDAYS[0] if is_dated else dice.choice(MONDAYS)
        clock = datetime(week.year, week.month, week.day, tzinfo=ZoneInfo(window.zone)) + timedelta(minutes=minute)
        edge = timedelta(seconds=59, microseconds=999_999) if dice.random() < 0.3 else timedelta()
        return (clock.replace(fold=dice.randrange(2)) + edge).astimezone(UTC)
    low = (_ms(NOW) if chosen.until_ms is None else chosen.until_ms) - 3_600_000
    low = low if chosen.from_ms is None else chosen.from_ms
    high = low + 7_200_000 if chosen.until_ms is None else chosen.until_ms
    inside = (low, high - 1, (low + high) // 2)
    moment = dice.choice((low - 1, high)) if dice.random() < 0.1 else dice.choice(inside)
    return NOW + timedelta(milliseconds=moment - _ms(NOW))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
