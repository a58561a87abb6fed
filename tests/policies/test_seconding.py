"""Who may be the second person of emergency access by two people."""

import dataclasses

import pytest

from policies import packs
from policies.agency import AgencyRule
from policies.layers import AgencyLayer
from policies.seconding import may_second
from policies.vocabulary import Act, Duty, Effect, Rank
from tests.policies.build import AGENCY_LAYER, NOW, subject

FIRST = subject(ref="per_1", assurance=2)
SECOND = subject(ref="per_2", roles=frozenset({"supervisor"}), assurance=2)
REFUSED = {
    "the same person": {"ref": "per_1"},
    "nobody": {"ref": ""},
    "another agency's supervisor": {"agency": "age_2"},
    "an operator": {"roles": frozenset({"operator"})},
    "an administrator": {"roles": frozenset({"admin"})},
    "somebody without roles": {"roles": frozenset()},
    "a supervisor who is compliance too": {"roles": frozenset({"supervisor", "compliance"})},
    "a supervisor with a password alone": {"assurance": 1},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_who_is_not_the_second_person(changes):
    """Each of them alone is refused."""
    second = dataclasses.replace(SECOND, **changes)

    assert not may_second(AGENCY_LAYER, first=FIRST, second=second, now=NOW)


def test_the_second_person_signed_in_at_least_as_surely():
    """Whoever asks with a passkey is confirmed with a passkey."""
    first = dataclasses.replace(FIRST, assurance=3)

    assert not may_second(AGENCY_LAYER, first=first, second=SECOND, now=NOW)
    assert may_second(AGENCY_LAYER, first=first, second=dataclasses.replace(SECOND, assurance=3), now=NOW)


def test_the_right_to_watch_is_not_the_right_to_confirm():
    """An agency whose rules do not speak of it has no second person."""
    watching = AgencyRule("a", "any", "supervisor", frozenset(Act), 2, Effect.ALLOW)

    assert not may_second(AgencyLayer((watching,)), first=FIRST, second=SECOND, now=NOW)


def test_an_agency_may_let_operators_confirm_each_other():
    """The agency's pack says who; a supervisor is only the pack's choice."""
    rule = AgencyRule("a", "any", "operator", frozenset({Duty.SECOND_CONFIRM}), 2, Effect.ALLOW)
    second = dataclasses.replace(SECOND, roles=frozenset({"operator"}))

    assert may_second(AgencyLayer((rule,)), first=FIRST, second=second, now=NOW)


@pytest.mark.parametrize(
    ("roles", "rank", "may"),
    [
        ({"supervisor"}, Rank.CAPTAIN, False), ({"captain"}, Rank.CAPTAIN, False),
        ({"supervisor", "captain"}, Rank.CAPTAIN, True), ({"supervisor"}, Rank.SUPERVISOR, True),
        ({"supervisor", "captain", "compliance"}, Rank.CAPTAIN, False),
    ],
)  # fmt: skip
def test_the_rank_that_the_ordinance_names_comes_on_top_of_the_duty(roles, rank, may):
    """Without the mark nobody confirms; with the mark alone neither."""
    second = dataclasses.replace(SECOND, roles=frozenset(roles))

    assert may_second(AGENCY_LAYER, first=FIRST, second=second, now=NOW, rank=rank) is may


def test_a_supervisor_confirms_for_an_operator():
    """The shipped pack's answer, by both engines."""
    assert may_second(AGENCY_LAYER, first=FIRST, second=SECOND, now=NOW)


def test_no_owner_can_name_the_duty():
    """It is the agency's alone: an act of an owner's rule it is not."""
    assert not {str(duty) for duty in Duty} & {str(act) for act in Act}
    assert any(Duty.SECOND_CONFIRM in rule.acts for rule in packs.agency_rules("default"))
