"""Rules that do nothing, that fight, and what the ordinance forbids: each is named, with what is in its way."""

import dataclasses
from datetime import timedelta
from random import Random

import pytest

from policies import packs
from policies.conflicts import Finding, Oddity, forbidden, narrowed, oddities
from policies.vocabulary import Act, Effect, Origin, Purpose, Tag
from tests.policies.build import AGENCY, NOW, PACK, deny, envelope, policy, rule
from tests.policies.generate import random_policy
from tests.policies.test_analysis import WIDE, asked_of, granted

LIVE, SOUND = frozenset({Act.LIVE_VIEW}), frozenset({Act.LIVE_AUDIO})
RTCC = f"unit:{AGENCY}/rtcc"
HOME = {Tag.RESIDENTIAL: frozenset({"cam_1"})}
ODD = {
    "nothing odd": (policy(rule(), deny(grantee=RTCC)), []),
    "no rules": (policy(), []),
    "no camera": (policy(rule(scope="tag:school")), [Finding(Oddity.NEVER_MATCHES, "r")]),
    "not in the agreement": (
        policy(rule(acts=SOUND), envelope=envelope(acts=LIVE)), [Finding(Oddity.NEVER_MATCHES, "r")]
    ),
    "a deny of no camera": (policy(rule(), deny(scope="tag:school")), [Finding(Oddity.NEVER_MATCHES, "d")]),
    "ended": (policy(rule(until_ms=1)), [Finding(Oddity.NEVER_MATCHES, "r")]),
    "a forbidden purpose": (
        policy(rule(purposes=frozenset({Purpose.IMMIGRATION}))),
        [Finding(Oddity.FORBIDDEN, "r", ("forbidden_purposes",))],
    ),
    "all of it denied": (
        policy(rule(), deny(scope="partner")),
        [Finding(Oddity.CONTRADICTED, "r", ("d",))],
    ),
    "denied by two together": (
        policy(rule(), deny("d1", scope="camera:cam_1"), deny("d2", scope="camera:cam_2")),
        [Finding(Oddity.CONTRADICTED, "r")],
    ),
    "covered by an earlier rule": (
        policy(rule(), rule("late", condition="near:300")), [Finding(Oddity.SHADOWED, "late", ("r",))]
    ),
    "covered by two earlier ones together": (
        policy(rule("a", scope="camera:cam_1"), rule("b", scope="camera:cam_2"), rule("late")),
        [
            Finding(Oddity.REDUNDANT, "a", ("late",)),
            Finding(Oddity.REDUNDANT, "b", ("late",)),
            Finding(Oddity.SHADOWED, "late"),
        ],
    ),
    "covered by a later one": (
        policy(rule("early", condition="near:300"), rule()), [Finding(Oddity.REDUNDANT, "early", ("r",))]
    ),
    "a deny within another": (
        policy(rule(), deny("wide", grantee=RTCC), deny("small", grantee=RTCC, window="office")),
        [Finding(Oddity.REDUNDANT, "small", ("wide",))],
    ),
    "a deny of what nobody is given": (
        policy(rule(), deny(acts=frozenset({Act.CLIP_FETCH}))), [Finding(Oddity.REDUNDANT, "d")]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_rules_are_named(name):
    """Each with the gravest thing that is odd about it."""
    held, expected = ODD[name]

    assert list(oddities(held, PACK, since=NOW)) == expected


def test_without_an_odd_rule_the_same_is_let_through():
    """On random policies, rules that never match, are forbidden, contradicted, shadowed or redundant can go."""
    dice, seen = Random(71), set()
    for _ in range(40):
        held = dataclasses.replace(random_policy(dice, 4), envelope=WIDE)
        held = dataclasses.replace(held, rules=(*held.rules, dataclasses.replace(dice.choice(held.rules), id="again")))
        for odd in oddities(held, PACK, since=NOW):
            seen.add(odd.what)
            less = dataclasses.replace(held, rules=tuple(one for one in held.rules if one.id != odd.rule))
            for asked, facts in asked_of(dice, held):
                assert granted(held, asked, facts) is granted(less, asked, facts)
    assert seen >= {Oddity.CONTRADICTED, Oddity.SHADOWED, Oddity.REDUNDANT}


def test_what_the_ordinance_forbids_in_every_case_is_named_with_its_line():
    """Sound from a home: the rule, the camera, the act and the citation."""
    held = policy(rule(acts=LIVE | SOUND, condition="near:300"), tags=HOME)
    (found,) = forbidden(held, PACK)

    assert (found.rule, found.line) == ("r", "no_sound_where_people_live")
    assert found.cite.startswith("Section 4(b)")
    assert (found.cameras, found.acts) == (frozenset({"cam_1"}), SOUND)
    assert forbidden(policy(rule(acts=LIVE | SOUND)), PACK) == ()
    assert forbidden(policy(deny(acts=SOUND), tags=HOME), PACK) == ()


def test_a_forbidden_purpose_is_named_alone():
    """Of several purposes only those that the line names."""
    (found,) = forbidden(policy(rule(purposes=frozenset({Purpose.FIRE, Purpose.IMMIGRATION}))), PACK)

    assert found.purposes == frozenset({Purpose.IMMIGRATION})
    assert found.cameras == frozenset({"cam_1", "cam_2"})


def test_a_line_that_stops_some_cases_narrows_and_does_not_forbid():
    """Live at any time at a home: only for an incident, says the ordinance; a rule that needs one is not narrowed."""
    always, near = policy(rule(), tags=HOME), policy(rule(condition="near:300"), tags=HOME)

    assert forbidden(always, PACK) == ()
    assert [line.id for line in narrowed(always, PACK)] == ["homes_need_an_incident"]
    assert narrowed(near, PACK) == ()


CARE = {Tag.HEALTH: frozenset({"cam_1"})}


@pytest.mark.parametrize(
    ("origins", "is_forbidden", "is_narrowed"),
    [({Origin.HAND}, True, False), ({Origin.HAND, Origin.CAD}, False, True), ({Origin.CAD}, False, False)],
)
def test_an_incident_that_only_an_operator_vouches_for(origins, is_forbidden, is_narrowed):
    """In places of care a rule for such incidents alone is forbidden, one for others too is narrowed."""
    held = policy(rule(condition="any", origins=frozenset(origins)), tags=CARE)

    assert bool(forbidden(held, PACK)) is is_forbidden
    assert bool(narrowed(held, PACK)) is is_narrowed


def test_what_is_forbidden_is_permitted_to_nobody():
    """On random policies under random tags, no directed question for what is named as forbidden is let through."""
    dice, named = Random(72), 0
    for _ in range(80):
        held = dataclasses.replace(
            random_policy(dice, 4),
            envelope=WIDE,
            tags={Tag.TRANSIT: frozenset({"cam_1"}), dice.choice(tuple(Tag)): frozenset({"cam_1"})},
        )
        for one in forbidden(held, PACK):
            named += 1
            for asked, facts in asked_of(dice, held):
                touched = asked.camera in one.cameras and asked.purpose in one.purposes
                only = dataclasses.replace(
                    held, rules=tuple(r for r in held.rules if r.id == one.rule or r.effect is Effect.DENY)
                )
                if touched and not asked.acts.isdisjoint(one.acts):
                    assert not granted(only, asked, facts)
    assert named > 5


def test_findings_count_from_a_moment_on():
    """A rule that ends tomorrow is odd the day after."""
    held = policy(rule(until_ms=round((NOW + timedelta(days=1)).timestamp() * 1000)))

    assert oddities(held, PACK, since=NOW) == ()
    assert oddities(held, PACK, since=NOW + timedelta(days=1)) == (Finding(Oddity.NEVER_MATCHES, "r"),)


DAY, LOCAL = packs.ordinance("live_24_hours"), packs.ordinance("no_federal_users")


def test_a_line_for_some_people_narrows_and_forbids_what_is_for_them_alone():
    """Who an ordinance means by role: others keep what a rule gives, a rule for that role gives nothing."""
    federal = policy(rule(grantee=f"role:{AGENCY}/federal", condition="near:300"))

    assert {line.who for line in narrowed(policy(rule(condition="near:300")), LOCAL)} >= {"role:federal", "on_behalf"}
    assert "role:federal" not in {one.line for one in forbidden(policy(rule(condition="near:300")), LOCAL)}
    lines = {line.id for line in LOCAL.rules if line.who == "role:federal"}
    assert {one.line for one in forbidden(federal, LOCAL)} == lines
    assert [one.what for one in oddities(federal, LOCAL, since=NOW)] == [Oddity.FORBIDDEN]


def test_a_line_that_wants_a_second_person_or_a_fresh_incident_narrows():
    """It can be met, so it forbids nothing in every case."""
    held = policy(rule(condition="near:300"))

    assert forbidden(held, DAY) == ()
    assert {line.condition for line in narrowed(held, DAY)} >= {"one_person", "opened_before:86400"}
