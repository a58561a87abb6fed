"""The same rules in Rego, by regorus: rules as data, one small policy over them, the request as ready JSON."""

import json
from typing import Any

import regorus

from tests.bench.harness import Work
from tests.policies import oracle
from tests.policies.engines import Question, World

POLICY = """package law
import rego.v1
default allow := false
some_deny if { some rule in data.rules[input.document]; rule.effect == "deny"; says(rule) }
allow if { some rule in data.rules[input.document]; rule.effect == "allow"; says(rule); not some_deny }
says(rule) if {
  rule.partner == input.partner
  rule.scope in input.scopes
  rule.grantee in input.names
  speaks(rule)
  input.purpose in rule.purposes
  input.now >= rule.from
  input.now < rule.until
  some span in rule.spans
  input.minutes[rule.zone] >= span[0]
  input.minutes[rule.zone] < span[1]
  holds(rule)
  fits(rule)
}
speaks(rule) if { rule.effect == "allow"; every act in input.acts { act in rule.acts } }
speaks(rule) if { rule.effect == "deny"; some act in input.acts; act in rule.acts }
holds(rule) if rule.condition == "always"
holds(rule) if { rule.condition == "ask"; input.is_approved }
holds(rule) if { rule.condition == "any"; counts(rule) }
holds(rule) if { rule.condition == "near"; counts(rule); input.distance_m <= rule.metres }
counts(rule) if { input.origin in rule.origins; moves(rule); lasts }
moves(rule) if rule.is_moving
moves(rule) if not input.has_moved
lasts if input.is_active
lasts if input.is_range
fits(rule) if rule.effect == "deny"
fits(rule) if {
  rule.effect == "allow"
  input.height_lines <= rule.terms.height_lines
  input.view_s <= rule.terms.session_s
  input.clip_s <= rule.terms.clip_s
  input.hold_s <= rule.terms.hold_s
  reaches(rule.terms)
}
reaches(terms) if not input.start
reaches(terms) if { input.age <= terms.age; input.start >= terms.start; input.around <= terms.around }
"""


def work(cases: list[tuple[World, Question]]) -> Work:
    """Rego's answers to all of these, each the oracle's."""
    engine = regorus.Engine()
    engine.add_policy("law.rego", POLICY)
    worlds = list({id(world): world for world, _ in cases}.values())
    names = {id(world): f"d{number}" for number, world in enumerate(worlds)}
    engine.add_data_json(json.dumps({"rules": {names[id(world)]: _rules(world) for world in worlds}}))
    ready = [json.dumps(_input(names[id(world)], world, question)) for world, question in cases]
    for (world, question), text in zip(cases, ready, strict=True):
        engine.set_input_json(text)
        if engine.eval_rule("data.law.allow") is not oracle.owner(world.document, question.case)[0]:
            raise AssertionError(text)

    def ask() -> int:
        for text in ready:
            engine.set_input_json(text)
            engine.eval_rule("data.law.allow")
        return len(ready)

    return ask


def _rules(world: World) -> list[dict[str, Any]]:
    windows = {window["id"]: window for window in world.document["windows"]}
    terms = {one["id"]: one for one in world.document["terms"]}
    return [
        {
            **{name: rule[name] for name in ("effect", "scope", "grantee", "acts", "purposes", "origins", "is_moving")},
            "partner": world.policy.partner,
            "from": rule["from_ms"] * 1000,
            "until": rule["until_ms"] * 1000,
            "zone": windows[rule["window"]]["zone"],
            "spans": windows[rule["window"]]["spans"],
            "condition": rule["condition"].partition(":")[0],
            "metres": int(rule["condition"].partition(":")[2] or 0),
            "terms": _terms(terms.get(rule["terms"])),
        }
        for rule in world.document["rules"]
    ]


def _terms(terms: dict[str, Any] | None) -> dict[str, Any]:
    if terms is None:
        return {}
    return {
        **{name: terms[name] for name in ("height_lines", "session_s", "clip_s", "hold_s")},
        "age": terms["look_back_s"] * oracle.SECOND,
        "start": terms["history_from_ms"] * oracle.MS,
        "around": terms["around_s"] * oracle.SECOND,
    }


def _input(name: str, world: World, question: Question) -> dict[str, Any]:
    request, _ = world.cedar.question(question.case)
    return {
        **request["context"],
        "document": name,
        "names": oracle.names_of(question.case),
        "scopes": sorted(world.layer.scopes[question.asked.camera]),
    }
