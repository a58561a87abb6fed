"""Packs for kinds of places: who gets in, above all who must not, and a table that notices every small change."""

import pytest

from policies import packs
from policies.clauses import Live, Recordings
from policies.model import PolicyError
from policies.places import read_place
from policies.vocabulary import Purpose
from tests.policies import place_tables, tables

NAMES = packs.places()
ROWS = [(name, row) for name in NAMES for row in tables.rows(f"place_{name}")]
SHOP = packs.load_document("packs", "shop/pack.json")


def test_every_kind_of_place_has_its_pack():
    """Six kinds, and none of them starts wide open with a purpose that an ordinance forbids."""
    assert set(NAMES) == {"shop", "residence", "school", "hospital", "transit", "city_department"}
    for name in NAMES:
        clause = packs.place(name).template
        assert not clause.purposes & {Purpose.IMMIGRATION, Purpose.PROTEST_MONITORING, Purpose.HEALTH_CARE_SEEKING}
        assert not clause.audio
        assert name == "city_department" or (clause.live, clause.recordings) != (Live.ALWAYS, Recordings.ALWAYS)


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}: {row['case']}" for name, row in ROWS])
def test_a_place_pack_keeps_its_table(name, row):
    """Every question of a row is answered as it says."""
    assert place_tables.differing(place_tables.clause_of(packs.place(name)), row) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_a_place_notices_every_change(name):
    """An answer exchanged, a purpose more or less, a second or a line, somebody let in: a row breaks."""
    clause, table = place_tables.clause_of(packs.place(name)), tables.rows(f"place_{name}")

    assert [what for what, changed in place_tables.mutants(clause) if not place_tables.breaks(changed, table)] == []


BAD = [
    {"v": 2}, {"more": 1}, {"id": "A shop"}, {"clause": []}, {"clause": {}},
    *({"clause": {**SHOP["clause"], **change}} for change in (  # type: ignore[dict-item]
        {"cameras": ["cam_1"]}, {"agencies": []}, {"zone": "UTC"}, {"live": "sometimes"}, {"purposes": []}, {"more": 1},
        {"spans": [[5, 1]]}, {"radius_m": 0},
    )),
]  # fmt: skip


@pytest.mark.parametrize("change", BAD, ids=lambda change: str(change)[-60:])
def test_a_place_pack_that_is_not_whole_does_not_load(change):
    """Unknown fields and words are refused, and so is a pack that names cameras or agencies itself."""
    with pytest.raises(PolicyError):
        read_place({**SHOP, **change})


def test_hours_of_a_pack_are_meant_on_the_clocks_of_the_place():
    """A pack holds no zone; the place gives it."""
    pack = read_place({**SHOP, "clause": {**SHOP["clause"], "spans": [[480, 1080]]}})  # type: ignore[dict-item]

    assert pack.clause(frozenset({"cam_1"}), zone="America/Denver").zone == "America/Denver"
    assert packs.place("shop").clause(frozenset({"cam_1"}), zone="America/Denver").zone == ""
