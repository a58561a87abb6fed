"""Each pack keeps its decision table, and the table notices when a rule of the pack goes missing."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import pytest

from policies import packs
from policies.agency import read_agency_rules
from policies.guardrail import Guardrail, read_guardrail
from policies.heads import agency_head, guardrail_head
from policies.layers import AgencyLayer, GuardrailLayer
from policies.limits import outside_agreement
from policies.model import PolicyError
from policies.vocabulary import Act, Purpose, Tag, Technology
from tests.policies.build import NOW, incident, request, span, subject

TABLES = Path(packs.__file__).with_name("tables")
INCIDENTS = {
    "none": None,
    "closed": incident(is_active=False),
    **{origin: incident(origin=origin) for origin in ("cad", "alert", "hand", "planned")},
}


def table(name: str) -> list[dict]:
    """The rows of a decision table."""
    return json.loads((TABLES / f"{name}.json").read_text())["rows"]


def answer(pack: Guardrail, row: dict) -> str:
    """`pass`, or the rule that stops this row."""
    asked = request(
        act=Act(row["act"]),
        purpose=Purpose(row["purpose"]),
        technology=Technology(row["technology"]),
        incident=INCIDENTS[row["incident"]],
        span=span(),
    )
    head = guardrail_head(pack, asked, frozenset(map(Tag, row["tags"])))
    verdict = GuardrailLayer(pack).judges.verdict(head, release=True)
    return "pass" if verdict.is_allowed else pack.rules[verdict.row].id


@pytest.mark.parametrize("row", table("open_city"), ids=lambda row: row["case"])
def test_the_ordinance_keeps_its_table(row):
    """Each row of the table is stopped by the rule it names, or passes."""
    assert answer(packs.ordinance("open_city"), row) == row["expect"]


def test_the_table_notices_each_missing_rule():
    """A pack without one of its rules breaks its table."""
    pack = packs.ordinance("open_city")
    for index, dropped in enumerate(pack.rules):
        rules = pack.rules[:index] + pack.rules[index + 1 :]
        less = dataclasses.replace(pack, rules=rules)

        assert any(answer(less, row) != row["expect"] for row in table("open_city")), dropped.id


@pytest.mark.parametrize("row", table("agency_default"), ids=lambda row: row["case"])
def test_the_agency_keeps_its_table(row):
    """Roles and assurance of sign-in, as the table says."""
    layer = AgencyLayer(packs.agency_rules("default"))
    who = subject(roles=frozenset(row["roles"]), assurance=row["assurance"])
    asked = request(act=Act(row["act"]), subject=who)

    assert layer.judges.verdict(agency_head(asked), release=True).is_allowed is row["expect"]


@pytest.mark.parametrize("row", table("pilot-1"), ids=lambda row: row["case"])
def test_the_agreement_keeps_its_table(row):
    """Dates, parties, acts and purposes, as the table says."""
    envelope = packs.agreement("pilot-1").bind(agencies=["age_1"], accepted_at=NOW)
    asked = request(
        act=Act(row["act"]),
        purpose=Purpose(row["purpose"]),
        subject=subject(agency=row["agency"]),
        now=NOW + timedelta(days=row["days"]),
    )

    assert (outside_agreement(envelope, asked) == "") is row["expect"]


@pytest.mark.parametrize("name", ["nowhere", "../open_city", "Open City"])
def test_a_pack_that_is_not_there_does_not_load(name):
    """Unknown names and paths are refused, never an empty pack."""
    for load in (packs.ordinance, packs.agency_rules, packs.agreement):
        with pytest.raises(PolicyError):
            load(name)


GUARD = packs.load_document("ordinances", "open_city/pack.json")
AGENCY = packs.load_document("agencies", "default.json")
BAD_GUARDS = [
    {"v": 2}, {"id": "Open City"}, {"title": "x" * 201}, {"limits": {}}, {"more": 1}, {"rules": []},
    {"rules": [*GUARD["rules"], GUARD["rules"][0]]},  # type: ignore[misc,index]
    *({"rules": [{**GUARD["rules"][0], **change}]} for change in (  # type: ignore[index]
        {"effect": "allow"}, {"scope": "site"}, {"scope": "tag:moonlight"}, {"acts": []}, {"purposes": []},
        {"technologies": []}, {"purposes": ["curiosity"]}, {"technologies": ["telepathy"]}, {"condition": "sometimes"},
    )),
]  # fmt: skip


@pytest.mark.parametrize("change", BAD_GUARDS, ids=lambda change: str(change)[:60])
def test_an_ordinance_that_is_not_whole_does_not_load(change):
    """Unknown fields, words, effects or conditions, doubled or missing rules: the process does not start on them."""
    with pytest.raises(PolicyError):
        read_guardrail({**GUARD, **change})


BAD_AGENCIES = [
    {"v": 0}, {"rules": []}, {"more": 1}, {"rules": [AGENCY["rules"][0]] * 2},  # type: ignore[index]
    *({"rules": [{**AGENCY["rules"][0], **change}]} for change in (  # type: ignore[index]
        {"acts": []}, {"assurance": 4}, {"effect": "Deny"}, {"effect": "deny", "assurance": 1}, {"more": 1},
    )),
]  # fmt: skip


@pytest.mark.parametrize("change", BAD_AGENCIES, ids=lambda change: str(change)[:60])
def test_agency_rules_that_are_not_whole_do_not_load(change):
    """Unknown fields or effects, no acts, no rules: refused."""
    with pytest.raises(PolicyError):
        read_agency_rules({**AGENCY, **change})


def test_a_pack_has_to_be_an_object_and_called_by_its_name(monkeypatch):
    """A list is no pack; an agreement's version is the name of its file."""
    monkeypatch.setattr(packs.json, "loads", lambda _text: [])
    with pytest.raises(PolicyError):
        packs.ordinance("open_city")
    monkeypatch.undo()
    document = packs.load_document("agreements", "pilot-1.json")
    monkeypatch.setattr(packs, "load_document", lambda _folder, _path: {**document, "mou": "other"})
    with pytest.raises(PolicyError, match="name of its file"):
        packs.agreement("pilot-1")
