"""Each pack keeps its decision table, and the table notices every small change of the pack.

A pack whose table misses a change does not ship: a rule dropped, an effect flipped, a word of a field taken away or
added, a number moved by one. A change that no question at all can tell is no change.
"""

from itertools import product
from pathlib import Path

import pytest

from policies import packs
from policies.agency import read_agency_rules
from policies.guardrail import read_guardrail
from policies.kernel import Kernel
from policies.layers import AgencyLayer
from policies.model import PolicyError
from tests.policies import tables
from tests.policies.build import NOW, at_centre
from tests.policies.worlds import EVERYBODY, OPEN_GUARD

ROOT = Path(packs.__file__).parent.parent
ORDINANCES = sorted(path.parent.name for path in (ROOT / "ordinances").glob("*/pack.json"))
AGENCIES = sorted(path.stem for path in (ROOT / "agencies").glob("*.json"))
AGREEMENTS = sorted(path.stem for path in (ROOT / "agreements").glob("*.json"))


def each_row(names, prefix):
    """One test for each row of the tables of these packs."""
    found = [(name, row) for name in names for row in tables.rows(prefix + name)]
    return pytest.mark.parametrize(("name", "row"), found, ids=[f"{name}: {row['case']}" for name, row in found])


def test_every_pack_has_a_table_that_mostly_says_no():
    """Each shipped pack has its table, and more of what it asks is refused than not."""
    places = (f"place_{name}" for name in packs.places())
    named = {*ORDINANCES, *(f"agency_{name}" for name in AGENCIES), *AGREEMENTS, *places}

    assert named == {path.stem for path in tables.TABLES.glob("*.json")}
    for name in named:
        refusing = [row for row in tables.rows(name) if row["expect"] not in (True, "pass")]
        assert len(refusing) >= len(tables.rows(name)) / 2, name


@each_row(ORDINANCES, "")
def test_an_ordinance_keeps_its_table(name, row):
    """Everything a row asks is forbidden by the rule it names, or passes."""
    pack = packs.ordinance(name)
    kernel = Kernel("guardrail", pack.rows())

    asked = tables.asked_of_ordinance(pack, [row])

    assert {tables.ordinance_says(pack, kernel, head) for head, _ in asked} == {row["expect"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ORDINANCES)
def test_the_table_of_an_ordinance_notices_every_change(name):
    """Whatever small change makes the ordinance answer anything differently breaks a row."""
    pack = packs.ordinance(name)
    asked = tables.asked_of_ordinance(pack, tables.rows(name))
    missed = [one for one in tables.ordinance_mutants(pack) if not tables.ordinance_breaks(one[1], asked)]

    answers = tables.Answers(pack, tables.asked_of_ordinance(pack, [tables.EVERYTHING]))
    assert [what for what, changed in missed if answers.differ(changed)] == []


@each_row(AGENCIES, "agency_")
def test_an_agency_keeps_its_table(name, row):
    """Roles and assurance of sign-in, as the table says."""
    kernel = AgencyLayer(packs.agency_rules(name)).judges.kernel
    asked = product(row["acts"], row["assurance"], row.get("purposes", ["violent_crime"]))

    assert {tables.agency_says(kernel, row["roles"], *one) for one in asked} == {row["expect"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", AGENCIES)
def test_the_table_of_an_agency_notices_every_change(name):
    """Whatever small change makes the agency answer anybody differently breaks a row."""
    rules, table = packs.agency_rules(name), tables.rows(f"agency_{name}")
    missed = [one for one in tables.agency_mutants(rules) if not tables.agency_breaks(one[1], table)]

    assert [what for what, changed in missed if tables.agency_differs(rules, changed)] == []


@each_row(AGREEMENTS, "")
def test_an_agreement_keeps_its_table(name, row):
    """Dates, parties, acts, purposes and numbers, as the table says."""
    bound = packs.agreement(name).bind(agencies=["age_1"], accepted_at=NOW)
    layers = at_centre(tables.GENEROUS, envelope=bound, guardrail=OPEN_GUARD, agency=EVERYBODY)

    for act, purpose in product(row["acts"], row["purposes"]):
        assert tables.agreement_says(layers, row, act, purpose) == tables.expected(row), (act, purpose)


@pytest.mark.parametrize("name", AGREEMENTS)
def test_the_table_of_an_agreement_notices_every_change(name):
    """An act or a purpose more or less, a second, a line or a day more or less: a row breaks."""
    template, table = packs.agreement(name), tables.rows(name)
    mutants = tables.agreement_mutants(template)
    missed = [what for what, changed in mutants if not tables.agreement_breaks(changed, table, EVERYBODY)]

    assert missed == []


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
