"""A narrowing takes away and gives nothing; whatever is not surely narrower is wider."""

import dataclasses
from random import Random

import pytest

from policies.decide import decide
from policies.guardrail import digest, read_guardrail
from policies.layers import SharingLayer
from policies.model import Agreement, Group, Owner, Policy, Totals, Window
from policies.narrowing import Reason, Widening, compare
from policies.obligations import to_json, unmet
from policies.request import Deny, Permit
from policies.vocabulary import Act, Effect, Notify, Origin, OwnerRole, Purpose, Tag
from tests.policies.build import (
    AGENCY,
    OFFICE,
    PACK,
    PACK_DOCUMENT,
    at_site,
    camera,
    deny,
    envelope,
    policy,
    rule,
    terms,
)
from tests.policies.generate import TERMS, WINDOWS, directed, random_policy, random_rule

BASE = policy(rule(), deny(acts=frozenset({Act.PTZ_MOVE}), scope="camera:cam_1"))


def with_rule(**changes):
    """The base policy with its allow changed."""
    return dataclasses.replace(BASE, rules=(rule(**changes), BASE.rules[1]))


def with_terms(**changes):
    """The base policy with its terms changed."""
    return dataclasses.replace(BASE, terms=(terms(**changes),))


def with_deny(**changes):
    """The base policy with its deny changed."""
    usual = {"acts": frozenset({Act.PTZ_MOVE}), "scope": "camera:cam_1"}
    return dataclasses.replace(BASE, rules=(BASE.rules[0], deny(**{**usual, **changes})))


NARROWER = {
    "nothing changed": BASE,
    "nothing shared": dataclasses.replace(BASE, rules=(BASE.rules[1],)),
    "one camera less": dataclasses.replace(BASE, cameras=(camera(),), groups=()),
    "one camera only": with_rule(scope="camera:cam_1"),
    "one agency only": with_rule(grantee=f"agency:{AGENCY}"),
    "fewer purposes": with_rule(purposes=frozenset({Purpose.LIFE_SAFETY})),
    "office hours": with_rule(window="office"),
    "until a date": with_rule(until_ms=5, from_ms=1),
    "only nearby": with_rule(condition="near:300"),
    "only after asking": with_rule(condition="ask"),
    "shorter views": with_terms(session_s=10),
    "shorter clips": with_terms(clip_s=10),
    "younger recordings": with_terms(look_back_s=10),
    "later history": with_terms(history_from_ms=10),
    "around incidents": with_terms(around_s=10),
    "lower pictures": with_terms(height_lines=360),
    "more masks": with_terms(masks=frozenset({"m"})),
    "one more deny": dataclasses.replace(BASE, rules=(*BASE.rules, deny("more"))),
    "a wider deny": with_deny(scope="site", acts=frozenset(Act)),
    "a longer hold": dataclasses.replace(BASE, hold_s=7200),
    "smaller totals": dataclasses.replace(BASE, totals=Totals(1, 1, 1)),
    "smaller envelope": dataclasses.replace(BASE, envelope=envelope(session_s=10, until_ms=5, acts=frozenset())),
    "one more tag": dataclasses.replace(BASE, tags={Tag.RESIDENTIAL: frozenset({"cam_1"})}),
    "other names": dataclasses.replace(BASE, rules=(rule("x", terms="y"), BASE.rules[1]), terms=(terms("y"),)),
    "deny of a camera that is gone": dataclasses.replace(
        BASE, cameras=(camera("cam_2", 41.89),), rules=(rule(),), groups=()
    ),
}

WIDER = {
    "a new allow": (
        dataclasses.replace(BASE, rules=(*BASE.rules, rule("n", acts=frozenset({Act.CLIP_FETCH})))), "allow"
    ),
    "more acts": (with_rule(acts=frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO})), "allow"),
    "more purposes": (with_rule(purposes=frozenset(Purpose)), "allow"),
    "longer views": (with_terms(session_s=601), "allow"),
    "longer clips": (with_terms(clip_s=901), "allow"),
    "longer holds": (with_terms(hold_s=10**6), "allow"),
    "older recordings": (with_terms(look_back_s=10**6), "allow"),
    "higher pictures": (with_terms(height_lines=2160), "allow"),
    "no watermark": (with_terms(watermark=False), "allow"),
    "told later": (with_terms(notify=Notify.DIGEST), "allow"),
    "a deny less": (dataclasses.replace(BASE, rules=(BASE.rules[0],)), "deny"),
    "a deny for fewer acts": (with_deny(acts=frozenset({Act.LIVE_AUDIO})), "deny"),
    "a deny for one agency": (with_deny(grantee=f"agency:{AGENCY}"), "deny"),
    "a deny in office hours": (with_deny(window="office"), "deny"),
    "a deny that ends": (with_deny(until_ms=5), "deny"),
    "a deny that begins": (with_deny(from_ms=5), "deny"),
    "a deny of another camera": (with_deny(scope="camera:cam_2"), "deny"),
    "a camera more": (dataclasses.replace(BASE, cameras=(*BASE.cameras, camera("cam_3"))), "camera_added"),
    "a camera elsewhere": (dataclasses.replace(BASE, cameras=(camera(lat=1), BASE.cameras[1])), "camera_changed"),
    "another partner": (dataclasses.replace(BASE, partner="org_2"), "partner"),
    "another agreement": (
        dataclasses.replace(BASE, agreement=Agreement("mou-2", "0" * 64), envelope=envelope(mou="mou-2")), "agreement"
    ),
    "another agreement text": (dataclasses.replace(BASE, agreement=Agreement("pilot-1", "1" * 64)), "agreement"),
    "a shorter hold": (dataclasses.replace(BASE, hold_s=0), "hold"),
    "an unknown ordinance": (dataclasses.replace(BASE, guardrail="1" * 64), "guardrail"),
    "larger totals": (dataclasses.replace(BASE, totals=Totals(86_401, 0, 0)), "totals"),
    "more at once": (dataclasses.replace(BASE, totals=Totals(0, 0, 9)), "totals"),
    "a longer envelope": (dataclasses.replace(BASE, envelope=envelope(session_s=9999)), "envelope"),
    "a new owner": (dataclasses.replace(BASE, owners=(Owner("c", "k", is_suspended=False),)), "owners"),
}  # fmt: skip


@pytest.mark.parametrize("name", NARROWER)
def test_taking_away_is_free(name):
    """What only takes away needs nobody's approval."""
    assert compare(BASE, NARROWER[name]).reasons == ()


@pytest.mark.parametrize("name", WIDER)
def test_giving_more_is_a_widening(name):
    """What gives more, or may, names what it is."""
    new, what = WIDER[name]

    assert Widening(what) in {reason.what for reason in compare(BASE, new).reasons}


STEPS = {
    "always to near": ("always", "near:300", True),
    "always to any": ("always", "any", True),
    "always to two persons": ("always", "two_persons", True),
    "near to smaller": ("near:600", "near:300", True),
    "near to same": ("near:600", "near:600", True),
    "near to larger": ("near:300", "near:600", False),
    "near to always": ("near:300", "always", False),
    "any to near": ("any", "near:300", False),  # true, but nothing else counts as comparable
    "near to any": ("near:300", "any", False),
    "ask to near": ("ask", "near:300", False),
    "near to ask": ("near:300", "ask", False),
    "ask to panic": ("ask", "panic", False),
    "panic to always": ("panic", "always", False),
}


@pytest.mark.parametrize("name", STEPS)
def test_conditions_compare_only_where_it_is_sure(name):
    """`always` covers all, a radius each smaller one, a condition itself; nothing else."""
    before, after, is_narrower = STEPS[name]

    assert compare(policy(rule(condition=before)), policy(rule(condition=after))).is_narrowing is is_narrower


def test_origins_and_moving_incidents_count():
    """Believing fewer voices is narrower, more is wider; so is following an incident that moves."""
    near = rule(condition="near:300", origins=frozenset({Origin.CAD, Origin.HAND}))
    fewer = dataclasses.replace(near, origins=frozenset({Origin.CAD}))
    moving = dataclasses.replace(near, is_moving=True)

    assert compare(policy(near), policy(fewer)).is_narrowing
    assert not compare(policy(fewer), policy(near)).is_narrowing
    assert not compare(policy(near), policy(moving)).is_narrowing
    assert compare(policy(moving), policy(near)).is_narrowing


def test_two_old_allows_do_not_cover_one_new_allow():
    """A camera shared by one rule and another by a second: one rule for both is a widening."""
    old = policy(rule("a", scope="camera:cam_1"), rule("b", scope="camera:cam_2"))

    assert compare(old, policy(rule("c"))).reasons == (Reason(Widening.ALLOW, "c"),)


GRANTS = {
    ("any", "role:age_1/operator"): True,
    ("agency:age_1", "unit:age_1/rtcc"): True,
    ("agency:age_1", "agency:age_2"): False,
    ("agency:age_1", "role:age_2/operator"): False,
    ("agency:age_1", "any"): False,
    ("unit:age_1/rtcc", "agency:age_1"): False,
    ("unit:age_1/rtcc", "unit:age_1/rtcc"): True,
}


@pytest.mark.parametrize(("before", "after"), GRANTS)
def test_an_agency_covers_its_units_and_roles(before, after):
    """`any` covers everybody, an agency its own people, everything else itself."""
    is_narrower = compare(policy(rule(grantee=before)), policy(rule(grantee=after))).is_narrowing

    assert is_narrower is GRANTS[before, after]


def test_windows_compare_in_one_zone_only():
    """A smaller window of the same zone is narrower; the same hours of another zone are not comparable."""
    smaller = Window("office", OFFICE.zone, OFFICE.spans[:2])
    abroad = Window("office", "America/Denver", OFFICE.spans[:1])
    full = Window("office", "Asia/Tokyo", ((0, 10_080),))
    held = policy(rule(window="office"))

    assert compare(held, dataclasses.replace(held, windows=(smaller,))).is_narrowing
    assert not compare(dataclasses.replace(held, windows=(smaller,)), held).is_narrowing
    assert not compare(held, dataclasses.replace(held, windows=(abroad,))).is_narrowing
    assert not compare(held, policy(rule())).is_narrowing
    assert compare(dataclasses.replace(held, windows=(full,)), held).is_narrowing
    assert not compare(held, dataclasses.replace(held, windows=(full,))).is_narrowing


def test_dates_compare():
    """Later start and earlier end are narrower; opening either end is wider."""
    dated = policy(rule(from_ms=10, until_ms=20))

    for low, high, is_narrower in (
        (11, 19, True), (10, 20, True), (9, 20, False), (10, 21, False), (None, 20, False), (10, None, False)
    ):  # fmt: skip
        assert compare(dated, policy(rule(from_ms=low, until_ms=high))).is_narrowing is is_narrower


def test_suspending_an_owner_is_free_and_nothing_else_about_owners_is():
    """Suspend: narrower. Reinstate, remove, exchange a key: wider."""
    one, two = Owner("a", "k", is_suspended=False), Owner("b", "k", is_suspended=False)
    asleep = dataclasses.replace(two, is_suspended=True)

    def held(*owners):
        return dataclasses.replace(BASE, owners=owners)

    assert compare(held(one, two), held(one, asleep)).is_narrowing
    assert not compare(held(one, asleep), held(one, two)).is_narrowing
    assert not compare(held(one, two), held(one)).is_narrowing
    assert not compare(held(one, two), held(one, Owner("b", "other", is_suspended=False))).is_narrowing


def test_whoever_only_answers_comes_with_an_owner_and_goes_without():
    """Suspend or take off: narrower. Add, reinstate, exchange a key, change the role in either direction: wider."""
    owner, other = Owner("a", "k", is_suspended=False), Owner("b", "k", is_suspended=False)
    answers = dataclasses.replace(other, role=OwnerRole.ANSWERS)
    asleep = dataclasses.replace(answers, is_suspended=True)

    def held(*owners):
        return dataclasses.replace(BASE, owners=owners)

    def why(old, new):
        return {reason.what for reason in compare(held(*old), held(*new)).reasons}

    for fewer in ((owner, asleep), (owner,)):
        assert why((owner, answers), fewer) == set()
    assert why((owner,), (owner, answers)) == {Widening.ANSWERERS}
    assert why((owner, asleep), (owner, answers)) == {Widening.ANSWERERS}
    assert why((owner, answers), (owner, dataclasses.replace(answers, public_key="x"))) == {Widening.ANSWERERS}
    assert why((owner, answers), (owner, other)) == {Widening.OWNERS}
    assert why((owner, other), (owner, answers)) == {Widening.OWNERS, Widening.ANSWERERS}
    assert why((owner, answers), (answers,)) == {Widening.OWNERS}


def test_a_tag_that_goes_takes_a_protection_with_it():
    """Guard-rails are written against tags: dropping one is a widening."""
    tagged = dataclasses.replace(BASE, tags={Tag.RESIDENTIAL: frozenset({"cam_1"})})

    assert compare(tagged, BASE).reasons == (Reason(Widening.TAG_REMOVED, "cam_1"),)


def stricter_pack(**limits):
    """The shipped ordinance with one more rule and other limits."""
    document = dict(PACK_DOCUMENT)
    document["rules"] = [*document["rules"], {**document["rules"][0], "id": "more", "technologies": ["any"]}]
    document["limits"] = {**document["limits"], **limits}
    return read_guardrail(document)


def test_a_stricter_ordinance_is_free_where_both_are_known():
    """More denials and tighter limits narrow; fewer, looser or unknown ones do not."""
    strict, loose = stricter_pack(session_s=60), stricter_pack(session_s=7200)
    lax = stricter_pack(watermark=False)
    abroad = dataclasses.replace(strict, jurisdiction="elsewhere")
    known = {pack.digest: pack for pack in (PACK, strict, loose, lax)}

    def under(pack):
        return dataclasses.replace(BASE, guardrail=pack.digest)

    assert compare(BASE, under(strict), packs=known).is_narrowing
    assert not compare(under(strict), BASE, packs=known).is_narrowing
    assert not compare(BASE, under(loose), packs=known).is_narrowing
    assert not compare(BASE, under(lax), packs=known).is_narrowing
    assert not compare(BASE, under(strict), packs={}).is_narrowing
    assert not compare(BASE, under(strict), packs={PACK.digest: PACK, strict.digest: abroad}).is_narrowing
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_a_looser_rule_that_comes_first_is_a_widening():
    """Dropping the masked rule before an unmasked one would release unmasked pictures."""
    masked, plain = rule("masked", terms="m"), rule("plain", terms="t")
    both = {"terms": (terms(), terms("m", masks=frozenset({"face"})))}
    old = policy(masked, plain, **both)

    assert compare(old, policy(plain, **both)).reasons == (Reason(Widening.OBLIGATION, "plain"),)
    assert not compare(old, policy(plain, masked, **both)).is_narrowing
    assert compare(old, policy(masked, **both)).is_narrowing
    assert compare(old, old).is_narrowing
    apart = policy(rule("masked", terms="m", scope="camera:cam_1"), rule("plain", scope="camera:cam_2"), **both)
    assert compare(apart, policy(apart.rules[1], **both)).is_narrowing


def test_switching_a_camera_off_is_always_free():
    """One more deny needs nobody, whatever else the policy holds."""
    dice = Random(5)
    for _ in range(200):
        held = random_policy(dice)
        assert compare(held, held).is_narrowing
        off = deny("off", scope="camera:cam_1", acts=frozenset(Act), purposes=frozenset(Purpose))

        assert compare(held, dataclasses.replace(held, rules=(*held.rules, off))).is_narrowing


def mutated(dice: Random, held: Policy) -> Policy:
    """A policy after one to three small edits."""
    rules = list(held.rules)
    windows, limits = list(held.windows), list(held.terms)
    for _ in range(dice.randint(1, 3)):
        index = dice.randrange(len(rules)) if rules else -1
        match dice.choice(("drop", "add", "edit", "edit", "edit", "window", "terms", "swap")):
            case "drop" if rules:
                rules.pop(index)
            case "add":
                rules.insert(dice.randint(0, len(rules)), random_rule(dice, f"n{dice.randrange(10**9)}"))
            case "edit" if rules:
                rules[index] = edited(dice, rules[index])
            case "window":
                windows[0] = dataclasses.replace(
                    windows[0], spans=dice.choice((WINDOWS[0].spans[:1], WINDOWS[0].spans))
                )
            case "terms":
                limits[0] = dataclasses.replace(
                    limits[0], **dice.choice(({"session_s": 599}, {"masks": frozenset({"m2"})}, {"look_back_s": 10**5}))
                )
            case "swap" if len(rules) > 1:
                rules[0], rules[-1] = rules[-1], rules[0]
            case _:
                pass
    return dataclasses.replace(held, rules=tuple(rules), windows=tuple(windows), terms=tuple(limits))


def edited(dice: Random, one):
    """A rule with one field changed, more often narrower than wider."""
    other = random_rule(dice, one.id)
    is_deny = one.effect is Effect.DENY
    changes = [
        {"scope": dice.choice(("camera:cam_1", other.scope))},
        {"acts": frozenset(dice.sample(sorted(one.acts), 1)) if dice.random() < 0.7 else other.acts},
        {"purposes": frozenset(dice.sample(sorted(one.purposes), 1))},
        {"grantee": dice.choice(("unit:age_1/rtcc", other.grantee))},
        {"window": dice.choice(("w1", other.window))},
        {"from_ms": other.from_ms, "until_ms": other.until_ms},
        {} if is_deny else {"condition": dice.choice(("near:500", "near:900", other.condition))},
        {} if is_deny else {"terms": dice.choice(tuple(item.id for item in TERMS))},
        {"origins": frozenset(dice.sample(sorted(one.origins), 1)), "is_moving": False},
    ]
    return dataclasses.replace(one, **dice.choice(changes))


def test_a_narrowing_gives_nobody_anything():
    """Whatever a narrowing permits, the old policy permitted, with caps as large and obligations no stricter."""
    dice, narrowings, permits = Random(7), 0, 0
    for _ in range(700):
        old = random_policy(dice)
        new = mutated(dice, old)
        if not new.rules or not compare(old, new).is_narrowing:
            continue
        narrowings += 1
        before, after = at_site(old, sharing=SharingLayer(old)), at_site(new, sharing=SharingLayer(new))
        for _ in range(8):
            asked, facts = directed(dice, dice.choice((old, new)))
            now = decide(dataclasses.replace(after, facts=facts), asked)
            then = decide(dataclasses.replace(before, facts=facts), asked)
            if isinstance(now, Permit):
                permits += 1
                assert isinstance(then, Permit), (old.rules, new.rules, asked)
                assert now.caps.seconds <= then.caps.seconds
                assert now.caps.height_lines <= then.caps.height_lines
                assert unmet(then.obligations, to_json(now.obligations)) == ""
            else:
                assert isinstance(now, Deny)
    assert narrowings > 100
    assert permits > 200


def test_a_group_is_compared_by_its_members():
    """Putting a camera into a shared group is a widening, although no rule changed."""
    held = policy(rule(scope="group:yard"))
    more = dataclasses.replace(held, groups=(Group("yard", frozenset({"cam_1", "cam_2"})),))

    assert compare(held, more).reasons == (Reason(Widening.ALLOW, "r"),)
    assert compare(more, held).is_narrowing
