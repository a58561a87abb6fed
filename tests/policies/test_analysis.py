"""What an edit does, with a witness: the verdict is right, the witness is true, and who is concerned is named."""

import dataclasses
from random import Random

import pytest

from policies import moments, space
from policies.analysis import Difference, Edit, Verdict, Way
from policies.geo import cell_between
from policies.model import Policy, Window
from policies.narrowing import compare
from policies.request import Caps, Facts, Request
from policies.vocabulary import Act, Purpose
from tests.policies import oracle
from tests.policies.build import AGENCY, NOW, PACK, camera, deny, envelope, policy, rule, terms
from tests.policies.generate import directed, random_policy, random_rule
from tests.policies.plain import case_of
from tests.policies.worlds import PACK_DOCUMENT

WIDE = envelope(agencies=frozenset({"age_1", "age_2"}))


def granted(held: Policy, asked: Request, facts: Facts) -> bool:
    """Whether the oracle lets all of it through at a site that draws every mask, as an edit is judged."""
    world = {"is_let": True, "pack": PACK_DOCUMENT, "envelope": None, "documents": [held.to_document()], "agency": None}
    world["draws_masks"] = True
    case = case_of(asked, facts)
    is_let, what = oracle.whole(world, case)
    return is_let and what["caps"] == (oracle.asked_seconds(case), asked.caps.height_lines)


def edited(dice: Random, held: Policy) -> Policy:
    """The policy after an edit: a rule gone, changed in one thing, new, or all of them in another order."""
    rules = list(held.rules)
    at = dice.randrange(len(rules))
    match dice.choice(("gone", "changed", "new", "order", "terms", "other")):
        case "gone":
            del rules[at]
        case "changed":
            other = random_rule(dice, "x")
            names = ("grantee", "scope", "acts", "purposes", "window", "from_ms", "until_ms", "origins", "is_moving")
            changes = {name: getattr(other, name) for name in dice.sample(names, 1)}
            changed = dataclasses.replace(rules[at], **changes)
            is_mended = (
                changed.from_ms is not None and changed.until_ms is not None and changed.from_ms >= changed.until_ms
            )
            rules[at] = dataclasses.replace(changed, from_ms=None) if is_mended else changed
        case "new":
            rules.append(random_rule(dice, "new"))
        case "order":
            dice.shuffle(rules)
        case "terms":
            rules[at] = dataclasses.replace(
                rules[at], terms=dice.choice(("t", "short", "around")) if rules[at].terms != "none" else "none"
            )
        case _:
            return dataclasses.replace(random_policy(dice, 4), envelope=WIDE)
    return dataclasses.replace(held, rules=tuple(rules))


def edits(dice: Random, count: int):
    """Random policies and what became of them."""
    for _ in range(count):
        old = dataclasses.replace(random_policy(dice, 4), envelope=WIDE)
        yield old, edited(dice, old)


def asked_of(dice: Random, *held: Policy):
    """Directed questions to each of these that have rules."""
    for one in held:
        for _ in range(5):
            if one.rules:
                asked, facts = directed(dice, one)
                if asked.act is Act.REGISTRY_VIEW:  # a place on the map has no lines to ask for
                    asked = dataclasses.replace(asked, caps=Caps(0, 0))
                if asked.now >= NOW:
                    yield asked, facts


def test_the_verdict_is_right_and_its_witnesses_are_true():
    """No directed question contradicts the verdict, and each witness is one that oracle and kernel answer so."""
    dice, seen = Random(61), set()
    for old, new in edits(dice, 120):
        found = Edit(old, new, PACK, since=NOW).difference
        seen.add(found.verdict)
        assert found.is_certain
        for witness, giving, other in ((found.widening, new, old), (found.narrowing, old, new)):
            if witness is not None:
                assert granted(giving, witness.request, witness.facts)
                assert not granted(other, witness.request, witness.facts)
        for asked, facts in asked_of(dice, old, new):
            before, after = granted(old, asked, facts), granted(new, asked, facts)
            assert before or not after or found.widening is not None
            assert after or not before or found.narrowing is not None
    assert seen == set(Verdict)


BASE = policy(rule(acts=frozenset({Act.LIVE_VIEW, Act.REGISTRY_VIEW})))


def verdict(old, new, **changes):
    """The verdict on one edit."""
    return Edit(old, new, PACK, since=changes.get("since", NOW)).difference


def test_sharing_for_the_first_time_widens_and_nothing_at_all_is_the_same():
    """Without an old policy whatever is let through is new; a policy without rules lets nothing through."""
    assert verdict(None, BASE).verdict is Verdict.WIDENS
    assert verdict(None, policy()).verdict is Verdict.SAME
    assert verdict(BASE, policy()).verdict is Verdict.NARROWS
    assert verdict(BASE, BASE).verdict is Verdict.SAME


def test_the_rules_of_another_partner_let_nothing_through_here():
    """Where the site changes hands, everything is new."""
    other = dataclasses.replace(BASE, partner="org_9")

    assert verdict(other, BASE).verdict is Verdict.WIDENS
    assert verdict(other, BASE).narrowing is None


def test_other_ids_and_another_order_are_no_difference():
    """Contents are compared, never names."""
    renamed = dataclasses.replace(BASE, rules=(rule("x", acts=BASE.rules[0].acts, terms="y"),), terms=(terms("y"),))

    assert verdict(BASE, renamed).verdict is Verdict.SAME


def test_what_has_ended_does_not_count():
    """A rule whose end has passed gives nothing, so that taking it away is no difference."""
    ended = rule("ended", until_ms=round(NOW.timestamp() * 1000), acts=frozenset({Act.CLIP_FETCH}))

    assert verdict(dataclasses.replace(BASE, rules=(*BASE.rules, ended)), BASE).verdict is Verdict.SAME


def test_a_window_over_two_zones_is_told_apart_in_the_weeks_when_their_offsets_differ():
    """Chicago and Berlin are seven hours apart but for a few weeks a year; what opens only then is found."""
    berlin = Window("berlin", "Europe/Berlin", ((16 * 60, 17 * 60),))  # 9:00 in Chicago in most weeks, 10:00 in some
    chicago = Window("chicago", "America/Chicago", ((10 * 60, 11 * 60),))
    old = policy(rule(window="chicago"), windows=(berlin, chicago))
    new = policy(rule(window="chicago"), deny(window="berlin"), windows=(berlin, chicago))
    found = verdict(old, new)

    assert found.verdict is Verdict.NARROWS
    assert found.narrowing is not None
    assert found.narrowing.request.now.month in {3, 10, 11}


def test_a_camera_that_was_moved_leaves_it_uncertain():
    """Distances are others then; what is not certain counts as a widening, and a witness is still true."""
    near = rule(condition="near:300")
    old = policy(near, cameras=(camera(),), groups=())
    new = policy(near, cameras=(camera(lat=41.9),), groups=())
    found = verdict(old, new)

    assert not found.is_certain
    assert found.verdict in {Verdict.WIDENS, Verdict.BOTH}


def test_a_witness_that_is_not_true_is_no_witness():
    """Where a camera was moved, what the search finds may not hold: the kernel says so, and nothing is certain."""
    before, after = policy(rule(condition="near:600")), policy(rule(condition="near:300"))
    moved = dataclasses.replace(after, cameras=(camera(lat=41.9),), groups=())
    found = verdict(dataclasses.replace(before, cameras=(camera(),), groups=()), moved)

    assert found.narrowing is None
    assert not found.is_certain


def test_distances_at_which_no_incident_can_be_are_no_difference():
    """Between 300 and 301 m around this camera there is no cell's far edge, so that the longer radius gives nothing."""
    near, wider = policy(rule(condition="near:300")), policy(rule(condition="near:301"))

    assert cell_between(camera().place, 300, 301) is None
    assert verdict(near, wider).verdict is Verdict.SAME
    assert verdict(near, policy(rule(condition="near:400"))).verdict is Verdict.WIDENS


FIRE, CRIME = frozenset({Purpose.FIRE, Purpose.LIFE_SAFETY}), frozenset({Purpose.PROPERTY_CRIME})
SERVICES = {  # the fire service may look for its own purposes only, so that a rule for it gives no more than that
    "nothing of its own": (policy(), policy(rule(grantee="role:age_1/fire", purposes=CRIME)), Verdict.SAME),
    "more, and not of its own": (
        policy(rule(grantee="role:age_1/fire", purposes=FIRE)),
        policy(rule(grantee="role:age_1/fire", purposes=FIRE | CRIME)),
        Verdict.SAME,
    ),
    "some of its own": (policy(), policy(rule(grantee="role:age_1/fire", purposes=FIRE | CRIME)), Verdict.WIDENS),
    "a role beside it": (
        policy(rule(grantee="role:age_1/operator", purposes=CRIME)),
        policy(rule(grantee="role:age_1/fire", purposes=CRIME), rule("b", grantee="role:age_1/operator")),
        Verdict.WIDENS,
    ),
    "who has both is an operator": (
        policy(rule(grantee="role:age_1/operator"), rule("b", grantee="role:age_1/fire", purposes=CRIME)),
        policy(rule(grantee="role:age_1/operator"), deny(grantee="role:age_1/fire", purposes=CRIME)),
        Verdict.NARROWS,
    ),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_its_own_purposes_only(name):
    """What a rule names beyond them is no difference, and leaves no doubt."""
    old, new, expected = SERVICES[name]
    found = verdict(old, new)

    assert (found.verdict, found.is_certain) == (expected, True)


def test_an_agreement_that_ends_later_gives_more():
    """Rules hold within the agreement's dates."""
    ends = policy(rule(), envelope=envelope(until_ms=round(NOW.timestamp() * 1000) + 3_600_000))

    assert verdict(ends, policy(rule())).verdict is Verdict.WIDENS


def test_too_much_to_tell_apart_is_uncertain(monkeypatch):
    """Where the search or the walk through the weeks gives up, nothing is claimed."""
    less = policy(rule(purposes=frozenset({Purpose.LIFE_SAFETY}), window="office"), rule("b", condition="panic"))
    monkeypatch.setattr(space, "STEPS", 1)
    gave_up = verdict(BASE, less)
    assert not gave_up.is_certain
    assert gave_up.verdict in {Verdict.WIDENS, Verdict.BOTH}
    monkeypatch.setattr(moments, "MOST", 3)
    assert verdict(BASE, less) == Difference(None, None, is_certain=False)
    assert Edit(BASE, less, PACK, since=NOW).concerns() == ()


CONCERNED = {
    "everybody, one camera": (
        policy(),
        policy(rule(scope="camera:cam_1")),
        {(Way.NEW, "", frozenset(), frozenset({"cam_1"}), frozenset({Act.LIVE_VIEW}))},
    ),
    "a role": (
        policy(rule()),
        policy(rule(grantee=f"role:{AGENCY}/supervisor")),
        {(Way.GONE, "", frozenset({"other"}), frozenset({"cam_1", "cam_2"}), frozenset({Act.LIVE_VIEW}))},
    ),
    "a unit": (
        policy(),
        policy(rule(grantee=f"unit:{AGENCY}/rtcc")),
        {(Way.NEW, "rtcc", frozenset(), frozenset({"cam_1", "cam_2"}), frozenset({Act.LIVE_VIEW}))},
    ),
    "longer": (
        policy(rule()),
        policy(rule(), terms=(terms(session_s=900),)),
        {(Way.MORE, "", frozenset(), frozenset({"cam_1", "cam_2"}), frozenset({Act.LIVE_VIEW}))},
    ),
    "only nearby": (
        policy(rule(acts=frozenset({Act.CLIP_FETCH, Act.LIVE_VIEW}))),
        policy(rule(acts=frozenset({Act.CLIP_FETCH, Act.LIVE_VIEW}), condition="near:300")),
        {(Way.LESS, "", frozenset(), frozenset({"cam_1", "cam_2"}), frozenset({Act.LIVE_VIEW, Act.CLIP_FETCH}))},
    ),
}


@pytest.mark.parametrize("name", CONCERNED)
def test_who_is_concerned_is_named(name):
    """Agency, unit, role, cameras that are treated alike, and acts, with how they are concerned."""
    old, new, expected = CONCERNED[name]
    found = Edit(old, new, PACK, since=NOW).concerns()

    assert {(one.way, one.unit, one.roles, one.cameras, one.acts) for one in found} == expected
    assert {one.agency for one in found} == {AGENCY}


def test_who_is_concerned_agrees_with_the_verdict():
    """On random edits somebody gains exactly where it widens, and loses exactly where it narrows."""
    for old, new in edits(Random(62), 30):
        edit = Edit(old, new, PACK, since=NOW)
        ways = {one.way for one in edit.concerns()}
        assert bool(ways & {Way.NEW, Way.MORE}) is (edit.difference.widening is not None)
        assert bool(ways & {Way.LESS, Way.GONE}) is (edit.difference.narrowing is not None)


def test_a_narrowing_never_widens():
    """What the check of documents lets pass without approval gives nobody anything."""
    narrower = 0
    for old, new in edits(Random(63), 150):
        if compare(old, new).is_narrowing:
            narrower += 1
            assert verdict(old, new).widening is None
    assert narrower > 15
