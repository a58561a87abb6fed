"""The protocol holds in every state that is reached, and each of its rules is needed."""

import pytest

from tests.protocol_model import documents
from tests.protocol_model.documents import Documents
from tests.protocol_model.engine import Action, explore, replay
from tests.protocol_model.rules import Rule
from tests.protocol_model.scenarios import NEEDED, SCENARIOS, SUITE_STATES, Without, build


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_property_holds_in_every_state_reached(scenario: str):
    """Never media without lease, a grant twice, a widening by nobody; always less can be shared, the site restores."""
    found = explore(build(scenario), max_states=SUITE_STATES)

    assert found.broken == {}
    assert found.is_complete or found.states > SUITE_STATES


@pytest.mark.parametrize("case", NEEDED, ids=lambda case: case.rule.name.lower())
def test_without_the_rule_its_violation_is_back(case: Without):
    """The search finds a way to break the property as soon as this one rule is gone, and none with it."""
    found = explore(build(case.scenario, without=case.rule), max_states=60_000, until=case.broken)
    assert case.broken in found.broken

    seen: list[str] = []
    replay(build(case.scenario), found.broken[case.broken], lambda _, after, __: seen.extend(after.broken))
    assert seen == []


def test_every_rule_is_shown_to_be_needed():
    """A rule that nobody can miss does not belong here."""
    assert {case.rule for case in NEEDED} == set(Rule)


def test_a_disk_restored_under_a_lying_gateway_is_not_detected():
    """Said openly: without hardware that counts, only an honest gateway notices that an agent went back in time."""
    odd = frozenset({"a snapshot is taken", "the snapshot is restored"})

    found = explore(Documents(is_lying=True, odd=odd), max_states=60_000, until=documents.UNDONE)

    assert documents.UNDONE in found.broken


def test_a_search_finds_a_shortest_way():
    """Breadth first: three steps that break something are not told as five."""

    class Counting:
        start = 0

        def actions(self, state):
            return [Action("one"), Action("two")]

        def apply(self, state, action):
            from tests.protocol_model.engine import After

            return After(state + (2 if action.what == "two" else 1)) if state < 6 else None

        def broken(self, state):
            return ["six"] if state == 6 else []

    found = explore(Counting())

    assert found.broken["six"] == (Action("two"),) * 3
    assert found.is_complete
