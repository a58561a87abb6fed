"""An owner's document as Cedar policies, and a question as a Cedar request: a third engine, by other people.

A development-only peer. Like the oracle it reads plain JSON and imports nothing of the law; numbers that no policy
language computes (the minute of the week, the distance) come from the oracle.
"""

import json
from typing import Any

import cedarpy

from tests.policies import oracle

Json = Any


class Cedar:
    """One owner's document in Cedar, parsed once."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._policies = cedarpy.PolicySet.from_str("\n".join(policy_of(document, rule) for rule in document["rules"]))
        self._entities: dict[str, cedarpy.Entities] = {}
        self._zones = sorted({window["zone"] for window in document["windows"]})

    def question(self, case: Json) -> tuple[Json, cedarpy.Entities]:
        """What Cedar is asked, with everything that it needs to know about who and what."""
        key = json.dumps(oracle.names_of(case))
        if key not in self._entities:
            self._entities[key] = cedarpy.Entities.from_json_str(json.dumps(entities_of(self.document, case)))
        request = {
            "principal": 'Person::"caller"',
            "action": f'Action::"{case["act"]}"',
            "resource": f'Camera::"{case["camera"]}"',
            "context": context_of(self.document, case, self._zones),
        }
        return request, self._entities[key]

    def ask(self, request: Json, entities: cedarpy.Entities) -> bool:
        """Cedar's answer."""
        return cedarpy.is_authorized(request, self._policies, entities).allowed

    def allows(self, case: Json) -> bool:
        """Question and answer."""
        return self.ask(*self.question(case))


def policy_of(document: Json, rule: Json) -> str:
    """One rule in Cedar's words."""
    is_allow = rule["effect"] == "allow"
    who = "principal" if rule["grantee"] == "any" else f'principal in Name::"{rule["grantee"]}"'
    what = f"action in [{', '.join(f'Action::{json.dumps(act)}' for act in rule['acts'])}]" if is_allow else "action"
    conditions = [
        f'context.partner == "{document["partner"]}"',
        f"{_set(rule['acts'])}.{'containsAll' if is_allow else 'containsAny'}(context.acts)",
        f"{_set(rule['purposes'])}.contains(context.purpose)",
        *([] if rule["from_ms"] is None else [f"context.now >= {rule['from_ms'] * 1000}"]),
        *([] if rule["until_ms"] is None else [f"context.now < {rule['until_ms'] * 1000}"]),
        *_window(document, rule["window"]),
        *_condition(rule),
        *(_terms(document, rule["terms"]) if is_allow else []),
    ]
    where = f'resource in Scope::"{rule["scope"]}"'
    head = f'@id("{rule["id"]}") {"permit" if is_allow else "forbid"} ({who}, {what}, {where})'
    return f"{head} when {{ {' && '.join(conditions)} }};"


def _set(items: list[str]) -> str:
    return json.dumps(items)


def _window(document: Json, name: str) -> list[str]:
    if name == "always":
        return []
    window = next(one for one in document["windows"] if one["id"] == name)
    minute = f'context.minutes["{window["zone"]}"]'
    return [f"({' || '.join(f'({minute} >= {start} && {minute} < {end})' for start, end in window['spans'])})"]


def _condition(rule: Json) -> list[str]:
    simple = {"ask": "context.is_approved", "panic": "context.is_panic", "two_persons": "context.second_person"}
    kind, _, metres = rule["condition"].partition(":")
    if kind == "always":
        return []
    if kind in simple:
        return [simple[kind]]
    return [
        "context has origin",
        f"{_set(rule['origins'])}.contains(context.origin)",
        *([] if rule["is_moving"] else ["!context.has_moved"]),
        "(context.is_active || context.is_range)",
        *([f"context.distance_m <= {metres}"] if metres else []),
    ]


def _terms(document: Json, name: str) -> list[str]:
    terms = next(one for one in document["terms"] if one["id"] == name)
    reach = [
        f"context.age <= {terms['look_back_s'] * oracle.SECOND}",
        f"context.start >= {terms['history_from_ms'] * 1000}",
        *(
            []
            if terms["around_s"] is None
            else [f"context has around && context.around <= {terms['around_s'] * oracle.SECOND}"]
        ),
    ]
    return [
        f"context.height_lines <= {terms['height_lines']}",
        f"context.view_s <= {terms['session_s']}",
        f"context.clip_s <= {terms['clip_s']}",
        f"context.hold_s <= {terms['hold_s']}",
        f"(!(context has start) || ({' && '.join(reach)}))",
    ]


def entities_of(document: Json, case: Json) -> Json:
    """The caller with every name that may mean them, and the document's cameras with their scopes."""
    scopes = ["partner", "site", *(f"group:{group['id']}" for group in document["groups"])]
    scopes += [f"tag:{tag}" for tag in document["tags"]]
    people = [_entity("Person", "caller", "Name", oracle.names_of(case))]
    return people + [
        _entity(
            "Camera",
            camera["id"],
            "Scope",
            [f"camera:{camera['id']}"] + [one for one in scopes if camera["id"] in oracle.members(document, one)],
        )
        for camera in document["cameras"]
    ]


def _entity(kind: str, name: str, parent: str, parents: list[str]) -> Json:
    return {
        "uid": {"type": kind, "id": name},
        "attrs": {},
        "parents": [{"type": parent, "id": one} for one in parents],
    }


def context_of(document: Json, case: Json, zones: list[str]) -> Json:
    """Everything a policy may look at, as numbers and words."""
    act, seconds, incident, span = case["act"], oracle.asked_seconds(case), case["incident"], case["span"]
    context: Json = {
        "partner": case["partner"],
        "acts": sorted(oracle.acts_of(case)),
        "purpose": case["purpose"],
        "now": case["now"],
        "minutes": {zone: oracle.week_minute(case["now"], zone) for zone in zones},
        "is_approved": case["approval"] is not None
        and case["approval"][0] == act
        and case["now"] < case["approval"][1],
        "is_panic": case["panic_until"] is not None and case["now"] < case["panic_until"],
        "second_person": case["second_person"],
        "is_range": act in oracle.RANGED,
        "height_lines": case["height_lines"],
        "view_s": seconds if act in oracle.VIEWS else 0,
        "clip_s": seconds if act in oracle.RECORDED else 0,
        "hold_s": seconds if act == "preserve.place" else 0,
    }
    if incident is not None:
        context |= {
            "origin": incident["origin"],
            "has_moved": incident["has_moved"],
            "is_active": incident["is_active"],
            "distance_m": -int(-oracle.distance_m(document, case) // 1),
        }
    if span is not None:
        context |= {"start": span[0], "age": case["now"] - span[0]}
        if incident is not None:
            context["around"] = max(incident["opened"] - span[0], span[1] - incident["opened"])
    return context
