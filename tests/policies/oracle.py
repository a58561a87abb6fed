"""What the law should answer, written a second time from its prose, over plain JSON. It imports nothing of the law.

Slow and literal on purpose: one sentence of the prose is one line here. `owner` answers for an owner's document alone,
`whole` for a whole decision at the centre or on site. Times are microseconds since 1970 UTC, as in `plain.case_of`.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = Any
SECOND, MS = 1_000_000, 1_000
LIVE = ("live.view", "live.audio", "ptz.move", "still.take")
RANGED = ("recorded.view", "clip.request", "clip.fetch", "preserve.place")
RECORDED = ("recorded.view", "clip.request", "clip.fetch")
VIEWS = ("live.view", "live.audio", "ptz.move")
EARTH_M = 6_371_008.8
SERVICES = {
    "fire": ("fire", "life_safety", "disaster", "missing_person"),
    "ems": ("medical", "life_safety", "disaster"),
    "emergency_management": ("disaster", "life_safety", "fire", "missing_person", "public_event"),
    "transport": ("traffic", "disaster"),
}
GROUNDS = {  # of the kinds of incident that the cases use
    "shooting": ("violent_crime", "life_safety", "investigation"),
    "robbery": ("violent_crime", "life_safety", "investigation"),
    "burglary": ("property_crime", "life_safety", "investigation"),
    "crash": ("traffic", "life_safety", "medical", "investigation"),
    "fire": ("fire", "life_safety", "investigation"),
}


def owner(document: Json, case: Json) -> tuple[bool, str]:
    """Whether the owner's rules allow it, and the rule: the first deny that fits, else the first allow that does."""
    first = ""
    for rule in document["rules"]:
        if applies(document, rule, case):
            if rule["effect"] == "deny":
                return False, rule["id"]
            first = first or rule["id"]
    return bool(first), first


def applies(document: Json, rule: Json, case: Json) -> bool:
    """Whether a rule says something about this request."""
    needed = acts_of(case)
    is_allow = rule["effect"] == "allow"
    return (
        case["partner"] == document["partner"]
        and case["camera"] in members(document, rule["scope"])
        and rule["grantee"] in names_of(case)
        and (needed <= set(rule["acts"]) if is_allow else bool(needed & set(rule["acts"])))
        and case["purpose"] in rule["purposes"]
        and (rule["from_ms"] is None or case["now"] >= rule["from_ms"] * MS)
        and (rule["until_ms"] is None or case["now"] < rule["until_ms"] * MS)
        and is_open(document, rule["window"], case)
        and condition_holds(document, rule, case)
        and (not is_allow or fits(document, rule["terms"], case))
    )


def acts_of(case: Json) -> set[str]:
    """Sound and moving are acts of their own."""
    return {case["act"]} | ({"live.audio"} if case["audio"] else set()) | ({"ptz.move"} if case["ptz"] else set())


def names_of(case: Json) -> list[str]:
    """Every name by which a rule may mean the person who asks."""
    agency = case["agency"]
    roles = [f"role:{agency}/{role}" for role in case["roles"]]
    return ["any", f"agency:{agency}", f"unit:{agency}/{case['unit']}", *roles]


def members(document: Json, scope: str) -> list[str]:
    """The cameras that a scope means."""
    kind, _, name = scope.partition(":")
    if kind == "camera":
        return [name]
    if kind == "group":
        return next(group["cameras"] for group in document["groups"] if group["id"] == name)
    if kind == "tag":
        return document["tags"].get(name, [])
    return [camera["id"] for camera in document["cameras"]]  # partner, site


def is_open(document: Json, name: str, case: Json) -> bool:
    """Whether the wall clock of the window's zone shows one of its minutes."""
    if name == "always":
        return True
    window = next(one for one in document["windows"] if one["id"] == name)
    minute = week_minute(case["now"], window["zone"])
    return any(start <= minute < end for start, end in window["spans"])


def week_minute(now: int, zone: str) -> int:
    """Minutes since Monday 00:00, as a clock on the wall shows them."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)).astimezone(ZoneInfo(zone))
    return (local.isoweekday() - 1) * 1440 + local.hour * 60 + local.minute


def condition_holds(document: Json, rule: Json, case: Json) -> bool:
    """Whether the rule's condition is true now."""
    condition = rule["condition"]
    if condition == "always":
        return True
    if condition == "ask":
        return case["approval"] is not None and case["approval"][0] == case["act"] and case["now"] < case["approval"][1]
    if condition == "panic":
        return case["panic_until"] is not None and case["now"] < case["panic_until"]
    if condition == "two_persons":
        return case["second_person"]
    incident = case["incident"]
    if incident is None or incident["origin"] not in rule["origins"]:
        return False
    if incident["has_moved"] and not rule["is_moving"]:
        return False
    if not incident["is_active"] and case["act"] not in RANGED:
        return False
    return condition == "any" or distance_m(document, case) <= int(condition.removeprefix("near:"))


def distance_m(document: Json, case: Json) -> float:
    """From the camera to the farthest corner of the incident's cell, through the chord between unit vectors."""
    at = next(camera for camera in document["cameras"] if camera["id"] == case["camera"])
    south, west = case["incident"]["cell"]
    corners = [((south + i) / 1000, (west + j) / 1000) for i in (0, 1) for j in (0, 1)]
    here = _vector(at["lat_e6"] / 1e6, at["lon_e6"] / 1e6)
    return max(2 * EARTH_M * math.asin(math.dist(here, _vector(*corner)) / 2) for corner in corners)


def _vector(lat: float, lon: float) -> tuple[float, float, float]:
    a, b = math.radians(lat), math.radians(lon)
    return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)


def asked_seconds(case: Json) -> int:
    """A recording is at least as long as its range."""
    if case["act"] in RECORDED and case["span"]:
        return max(case["seconds"], math.ceil((case["span"][1] - case["span"][0]) / SECOND))
    return case["seconds"]


def fits(document: Json, name: str, case: Json) -> bool:
    """Whether no more is asked for than the terms give."""
    terms = next(one for one in document["terms"] if one["id"] == name)
    seconds, act = asked_seconds(case), case["act"]
    if case["height_lines"] > terms["height_lines"]:
        return False
    if act in VIEWS and seconds > terms["session_s"]:
        return False
    if act in RECORDED and seconds > terms["clip_s"]:
        return False
    if act == "preserve.place" and seconds > terms["hold_s"]:
        return False
    if case["span"] is None:
        return True
    start, end = case["span"]
    if case["now"] - start > terms["look_back_s"] * SECOND or start < terms["history_from_ms"] * MS:
        return False
    if terms["around_s"] is None:
        return True
    if case["incident"] is None:
        return False
    opened, around = case["incident"]["opened"], terms["around_s"] * SECOND
    return opened - around <= start and end <= opened + around


def whole(world: Json, case: Json) -> tuple[bool, Json]:
    """A whole decision.

    Args:
        world: `is_let` (invariants hold), `pack`, `envelope` of the centre or None, `documents`, `agency`.
        case: the question.

    Returns:
        Whether it is permitted; then caps and obligations, otherwise the layer that denies.
    """
    documents = world["documents"]
    envelopes = ([world["envelope"]] if world["envelope"] else []) + [one["envelope"] for one in documents]
    if case["act"] in RANGED and (case["span"] is None or case["span"][1] <= case["span"][0]):
        return False, "invariants"
    if not service_has(case) or (case["incident"] and case["purpose"] not in GROUNDS[case["incident"]["kind"]]):
        return False, "facts"
    if not world["is_let"] or any(case["partner"] != one["partner"] for one in documents):
        return False, "invariants"
    tags = {tag for one in documents for tag, cameras in one["tags"].items() if case["camera"] in cameras}
    if any(forbids(rule, tags, case) for rule in world["pack"]["rules"]):
        return False, "guardrail"
    if not all(agreed(envelope, case) for envelope in envelopes) or too_much(
        [*envelopes, world["pack"]["limits"]], case
    ):
        return False, "envelope"
    answers = [owner(document, case) for document in documents]
    if not all(is_allowed for is_allowed, _ in answers):
        return False, "sharing"
    if any(is_spent(document["totals"], case) for document in documents):
        return False, "facts"
    if world["agency"] and not agency_lets(world["agency"]["rules"], case):
        return False, "agency"
    rules = [
        next(rule for rule in one["rules"] if rule["id"] == name)
        for one, (_, name) in zip(documents, answers, strict=True)
    ]
    caps = caps_left(world, envelopes, case)
    owed = duties(world, rules, case)
    if nothing := left_of_view(caps, [] if world.get("draws_masks") else owed["masks"], case):
        return False, nothing
    return True, {"caps": caps, **owed, "rules": [rule["id"] for rule in rules]}


def left_of_view(caps: tuple[int, int], undrawn: list[str], case: Json) -> str:
    """Which layer leaves nothing of a view, live or recorded; empty where something is left."""
    if case["act"] in LIVE and min(caps) < 1:
        return "envelope"
    return "sharing" if undrawn and case["act"] in {*LIVE, "recorded.view"} else ""


def service_has(case: Json) -> bool:
    """Whether the purpose is one of the service's, for whoever neither is a police viewer nor marked."""
    services = [one for one in SERVICES if one in case["roles"]]
    if not services or {"federal", "operator", "supervisor"} & set(case["roles"]):
        return True
    return case["purpose"] in SERVICES[services[0]]


def forbids(rule: Json, tags: set[str], case: Json) -> bool:
    """Whether a rule of an ordinance forbids this."""
    incident = case["incident"]
    has_incident = incident is not None and (incident["is_active"] or case["act"] in RANGED)
    kind, _, seconds = rule["condition"].partition(":")
    is_met = {
        "always": True,
        "no_incident": not has_incident,
        "hand_incident": not has_incident or incident["origin"] == "hand",
        "one_person": not case["second_person"],
        "opened_before": not has_incident or case["now"] - incident["opened"] > int(seconds or 0) * SECOND,
    }
    who = rule.get("who", "any")
    is_meant = who == "any" or who.removeprefix("role:") in case["roles"] or (who == "on_behalf" and case["on_behalf"])
    return is_meant and (
        (rule["scope"] == "any" or rule["scope"].removeprefix("tag:") in tags)
        and bool(acts_of(case) & set(rule["acts"]))
        and bool({"any", case["purpose"]} & set(rule["purposes"]))
        and bool({"any", case["technology"]} & set(rule["technologies"]))
        and is_met[kind]
    )


def agreed(envelope: Json, case: Json) -> bool:
    """Whether an agreement speaks of this at all."""
    return (
        envelope["from_ms"] * MS <= case["now"]
        and (envelope["until_ms"] is None or case["now"] < envelope["until_ms"] * MS)
        and case["agency"] in envelope["agencies"]
        and acts_of(case) <= set(envelope["acts"])
        and case["purpose"] in envelope["purposes"]
    )


def too_much(bounds: list[Json], case: Json) -> bool:
    """Whether a recording or a hold is longer or older than an agreement or an ordinance lets it."""
    if case["act"] not in RANGED:
        return False
    age = case["now"] - case["span"][0]
    name = "hold_s" if case["act"] == "preserve.place" else "clip_s"
    return any(
        age > bound["look_back_s"] * SECOND or (name in bound and asked_seconds(case) > bound[name]) for bound in bounds
    )


def is_spent(totals: Json, case: Json) -> bool:
    """Whether the owner's limits for a day or for one time are reached."""
    if case["act"] in LIVE:
        return case["live_s"] >= totals["live_s_per_day"] or case["views_now"] >= totals["views_at_once"]
    asked = asked_seconds(case) if case["act"] in ("recorded.view", "clip.fetch") else 0
    return case["clip_s"] + asked > totals["clip_s_per_day"]


def agency_lets(rules: list[Json], case: Json) -> bool:
    """Whether the agency lets this person: some allow covers all acts, and no deny touches one."""
    needed = acts_of(case)
    mine = [rule for rule in rules if rule["role"] in case["roles"] and rule["agency"] in ("any", case["agency"])]
    mine = [rule for rule in mine if case["assurance"] >= rule["assurance"]]
    mine = [rule for rule in mine if case["purpose"] in rule.get("purposes", [case["purpose"]])]
    if any(rule["effect"] == "deny" and needed & set(rule["acts"]) for rule in mine):
        return False
    return any(rule["effect"] == "allow" and needed <= set(rule["acts"]) for rule in mine)


def caps_left(world: Json, envelopes: list[Json], case: Json) -> tuple[int, int]:
    """What was asked for, cut to agreements, ordinance and what is left of the day: seconds and lines."""
    bounds = [*envelopes, world["pack"]["limits"]]
    lines = min([case["height_lines"], *(bound["height_lines"] for bound in bounds)])
    seconds = asked_seconds(case)
    if case["act"] in VIEWS:
        seconds = min([seconds, *(bound["session_s"] for bound in bounds)])
    if case["act"] in LIVE:
        left = [document["totals"]["live_s_per_day"] - case["live_s"] for document in world["documents"]]
        seconds = min([seconds, *left])
    return seconds, lines


def duties(world: Json, rules: list[Json], case: Json) -> Json:
    """What a permit obliges to, apart from its numbers: the strictest of every deciding rule and of the ordinance."""
    limits = world["pack"]["limits"]
    by_id = [{terms["id"]: terms for terms in document["terms"]} for document in world["documents"]]
    terms = [named[rule["terms"]] for named, rule in zip(by_id, rules, strict=True)]
    is_emergency = any(rule["condition"] == "two_persons" for rule in rules)
    return {
        "watermark": limits["watermark"] or any(one["watermark"] for one in terms),
        "notify": "now" if is_emergency or any(one["notify"] == "now" for one in terms) else "digest",
        "masks": sorted({mask for one in terms for mask in one["masks"]}),
        "record_reason": limits["record_reason"],
        "second_person": is_emergency,
        "after_action": is_emergency or limits["after_action"],
        "after_action_days": limits.get("after_action_days", 0),
    }
