"""The decision tables of the packs: what each row asks, and every small change of a pack.

A row multiplies out: each of its lists holds alternatives. A table answers `noticed(pack)` for any variant of its pack.
"""

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

from policies import packs
from policies.agency import AgencyRule
from policies.decide import preview
from policies.guardrail import Guardrail, GuardRule
from policies.heads import agency_head, duty_head, guardrail_head
from policies.kernel import Kernel
from policies.layers import AgencyLayer, Layers
from policies.matching import Head
from policies.mou import AgreementTemplate
from policies.parts import Envelope, Totals
from policies.request import Caps, Permit, Span
from policies.vocabulary import VIEWERS, Act, Duty, Effect, GuardCondition, Purpose, Tag, Technology
from tests.policies.build import NOW, at_centre, envelope, incident, policy, request, rule, subject, terms
from tests.policies.worlds import OPEN_GUARD

TABLES = Path(packs.__file__).parent.parent / "tables"
INCIDENTS = {
    "none": None,
    "closed": incident(is_active=False),
    **{origin: incident(origin=origin) for origin in ("cad", "alert", "hand", "planned")},
    "day": incident(opened_at=NOW - timedelta(hours=24)),
    "old": incident(opened_at=NOW - timedelta(hours=24, seconds=1)),
}
WHO = {
    "operator": subject(),
    "federal": subject(roles=frozenset({"federal"})),
    "federal+operator": subject(roles=frozenset({"federal", "operator"})),
    "on_behalf": subject(on_behalf_of="another agency"),
}
RANGE = Span(NOW - timedelta(minutes=10), NOW - timedelta(minutes=5))
Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """The rows of a table."""
    return json.loads((TABLES / f"{name}.json").read_text())["rows"]


EVERYTHING: Row = {
    "tags": ["", *Tag], "acts": list(Act), "purposes": list(Purpose), "technologies": list(Technology),
    "incidents": ["none", "closed", "hand", "cad", "day", "old"],  # alarms and permits count as calls do
    "who": ["operator", "federal", "on_behalf"], "persons": [1, 2], "expect": "",
}  # fmt: skip


def asked_of_ordinance(pack: Guardrail, table: list[Row]) -> list[tuple[Head, str]]:
    """Each question of a table, as the kernel is asked, with what is expected."""
    found = []
    for row in table:
        parts = (row[name] for name in ("tags", "acts", "purposes", "technologies", "incidents"))
        others = (row.get("who", ["operator"]), row.get("persons", [1]))
        for tag, act, purpose, technology, told, who, persons in product(*parts, *others):
            tags = frozenset({Tag(tag)} if tag else ())
            question = request(
                act=Act(act), purpose=Purpose(purpose), technology=Technology(technology), incident=INCIDENTS[told],
                span=RANGE, subject=WHO[who],
            )  # fmt: skip
            head = guardrail_head(pack, question, tags, is_second_person_present=persons == 2)
            found.append((head, row["expect"]))
    return found


def ordinance_says(pack: Guardrail, kernel: Kernel, head: Head) -> str:
    """`pass`, or the rule that forbids."""
    verdict = kernel.verdict(head)
    return "pass" if verdict.is_allowed else pack.rules[verdict.row or 0].id


def ordinance_breaks(pack: Guardrail, asked: list[tuple[Head, str]]) -> bool:
    """Whether some question notices that this is not the pack it was written for."""
    kernel = Kernel("guardrail", pack.rows())
    return any(ordinance_says(pack, kernel, head) != expected for head, expected in asked)


class Answers:
    """What an ordinance says to every question there is, kept by the rules that forbid it.

    A change of one rule can only change what no other rule forbids, so that little has to be asked again.
    """

    def __init__(self, pack: Guardrail, everything: list[tuple[Head, str]]) -> None:
        self._pack = pack
        kernel, places = Kernel("guardrail", pack.rows()), range(len(pack.rules))
        self._by_rules: dict[tuple[int, ...], list[Head]] = {}
        for head, _ in everything:
            forbidding = tuple(at for at in places if kernel.matches(head, at))
            self._by_rules.setdefault(forbidding, []).append(head)

    def differ(self, changed: Guardrail) -> bool:
        """Whether some question is answered otherwise by a pack with one rule changed or dropped."""
        at = next(
            at for at, one in enumerate(self._pack.rules) if at >= len(changed.rules) or changed.rules[at] != one
        )  # fmt: skip
        alone, passing = self._by_rules.get((at,), []), self._by_rules.get((), [])
        if len(changed.rules) < len(self._pack.rules):
            return bool(alone)
        kernel = Kernel("guardrail", [changed.rows()[at]])
        return any(not kernel.matches(head, 0) for head in alone) or any(kernel.matches(head, 0) for head in passing)


def ordinance_mutants(pack: Guardrail) -> Iterator[tuple[str, Guardrail]]:
    """Every rule dropped; every word of every field taken away, added, or exchanged."""
    for at, one in enumerate(pack.rules):
        yield f"{one.id} dropped", dataclasses.replace(pack, rules=pack.rules[:at] + pack.rules[at + 1 :])
        for name, changed in _guard_rule_mutants(one):
            rules = (*pack.rules[:at], changed, *pack.rules[at + 1 :])
            yield f"{one.id}: {name}", dataclasses.replace(pack, rules=rules)


def _guard_rule_mutants(one: GuardRule) -> Iterator[tuple[str, GuardRule]]:
    for field, words in (("acts", Act), ("purposes", Purpose), ("technologies", Technology)):
        now = getattr(one, field)
        for name, changed in _sets(now, frozenset(map(str, words))):
            yield f"{field} {name}", dataclasses.replace(one, **{field: changed})
    for scope in ("any", *(f"tag:{tag}" for tag in Tag)):
        if scope != one.scope:
            yield f"scope {scope}", dataclasses.replace(one, scope=scope)
    plain = set(GuardCondition) - {GuardCondition.OPENED_BEFORE}
    for condition in sorted({*plain, "opened_before:86399", "opened_before:86400", "opened_before:86401"}):
        if condition != one.condition:
            yield f"condition {condition}", dataclasses.replace(one, condition=condition)
    for who in ("any", "on_behalf", "role:federal", "role:operator"):
        if who != one.who:
            yield f"who {who}", dataclasses.replace(one, who=who)


def _sets(now: frozenset[str], words: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    if now == {"any"}:
        yield from ((f"all but {word}", words - {word}) for word in sorted(words))
        return
    yield from ((f"without {word}", now - {word}) for word in sorted(now))
    yield from ((f"with {word}", now | {word}) for word in sorted(words - now))


AGENCY_ROLES = ("admin", "compliance", "operator", "supervisor", "federal", *VIEWERS)


def agency_says(kernel: Kernel, roles: list[str], act: str, assurance: int, purpose: str = "violent_crime") -> bool:
    """Whether the agency lets somebody with these roles."""
    who = subject(roles=frozenset(roles), assurance=assurance)
    if act in set(Duty):
        return kernel.verdict(duty_head(who, Duty(act), NOW)).is_allowed
    return kernel.verdict(agency_head(request(act=Act(act), subject=who, purpose=Purpose(purpose)))).is_allowed


def agency_breaks(rules: tuple[AgencyRule, ...], table: list[Row]) -> bool:
    """Whether some row notices the change."""
    kernel = AgencyLayer(rules).judges.kernel
    return any(
        agency_says(kernel, row["roles"], act, assurance, purpose) is not row["expect"]
        for row in table
        for act, assurance, purpose in product(row["acts"], row["assurance"], row.get("purposes", ["violent_crime"]))
    )


def agency_differs(rules: tuple[AgencyRule, ...], other: tuple[AgencyRule, ...]) -> bool:
    """Whether there is anybody to whom two agencies answer differently."""
    one, two = AgencyLayer(rules).judges.kernel, AgencyLayer(other).judges.kernel
    names = ("admin", "compliance", "operator", "supervisor")
    sets = [[name for at, name in enumerate(names) if bits >> at & 1] for bits in range(16)]
    sets += [[name] for name in AGENCY_ROLES if name not in names]
    everything = product(sets, [*Act, *Duty], range(4), list(Purpose))
    return any(agency_says(one, *asked) is not agency_says(two, *asked) for asked in everything)


def agency_mutants(rules: tuple[AgencyRule, ...]) -> Iterator[tuple[str, tuple[AgencyRule, ...]]]:
    """Rules dropped, effects flipped, acts, roles, agencies and assurance changed."""
    for at, one in enumerate(rules):
        yield f"{one.id} dropped", rules[:at] + rules[at + 1 :]
        other = Effect.ALLOW if one.effect is Effect.DENY else Effect.DENY
        changes: list[tuple[str, dict[str, Any]]] = [(f"effect {other}", {"effect": other})]
        changes += [
            (f"acts {name}", {"acts": acts}) for name, acts in _sets(one.acts, frozenset(map(str, [*Act, *Duty])))
        ]
        changes += [
            (f"purposes {name}", {"purposes": words})
            for name, words in _sets(one.purposes, frozenset(map(str, Purpose)))
        ]
        changes += [(f"role {role}", {"role": role}) for role in AGENCY_ROLES if role != one.role]
        changes += [("agency age_2", {"agency": "age_2"})]
        changes += [
            (f"assurance {level}", {"assurance": level})
            for level in (one.assurance - 1, one.assurance + 1)
            if 0 <= level <= 3
        ]
        for name, change in changes:
            yield f"{one.id}: {name}", (*rules[:at], dataclasses.replace(one, **change), *rules[at + 1 :])


WIDE = envelope(
    agencies=frozenset({"age_1", "age_2"}), session_s=43_200, clip_s=86_400, hold_s=7_776_000, look_back_s=31_536_000,
    height_lines=4320,
)  # fmt: skip
GENEROUS = policy(
    rule(acts=frozenset(Act), purposes=frozenset(Purpose)),
    terms=(terms(session_s=43_200, clip_s=86_400, hold_s=7_776_000, look_back_s=31_536_000, height_lines=4320),),
    envelope=WIDE, guardrail=OPEN_GUARD.guardrail.digest, totals=Totals(10**6, 10**6, 8),
)  # fmt: skip


def agreement_says(layers: Layers, row: Row, act: str, purpose: str) -> bool | Caps:
    """What an agreement leaves of a row where nothing else narrows: nothing, or these caps."""
    now = NOW + timedelta(days=row["days"])
    start = now - timedelta(seconds=row["age_s"])
    asked = request(
        now=now,
        act=Act(act),
        purpose=Purpose(purpose),
        subject=subject(agency=row["agency"], assurance=3),
        caps=Caps(row["seconds"], row["height_lines"]),
        incident=None,
        span=Span(start, start + timedelta(seconds=1)),
    )
    answer = preview(layers, asked)
    return answer.caps if isinstance(answer, Permit) else False


def agreement_breaks(template: AgreementTemplate, table: list[Row], everybody: AgencyLayer) -> bool:
    """Whether some row notices the change."""
    bound = template.bind(agencies=["age_1"], accepted_at=NOW)
    layers = at_centre(GENEROUS, envelope=bound, guardrail=OPEN_GUARD, agency=everybody)
    return any(
        agreement_says(layers, row, act, purpose) != expected(row)
        for row in table
        for act, purpose in product(row["acts"], row["purposes"])
    )


def expected(row: Row) -> bool | Caps:
    """What a row of an agreement's table expects."""
    given = row.get("gives", row)
    return Caps(given["seconds"], given["height_lines"]) if row["expect"] else False


def agreement_mutants(template: AgreementTemplate) -> Iterator[tuple[str, AgreementTemplate]]:
    """Acts and purposes taken or added, each limit and the term moved by one."""
    held: Envelope = template.unbound
    changes: list[tuple[str, dict[str, Any]]] = []
    for field, words in (("acts", Act), ("purposes", Purpose)):
        changes += [
            (f"{field} {name}", {field: changed})
            for name, changed in _sets(getattr(held, field), frozenset(map(str, words)))
        ]
    for field in ("session_s", "clip_s", "hold_s", "look_back_s", "height_lines"):
        changes += [(f"{field} {by:+}", {field: getattr(held, field) + by}) for by in (-1, 1)]
    for name, change in changes:
        yield name, dataclasses.replace(template, unbound=dataclasses.replace(held, **change))
    for by in (-1, 1):
        yield f"term {by:+} day", dataclasses.replace(template, term=template.term + timedelta(days=by))
