"""Which ordinance is stricter, and what no ordinance may leave out without citing why."""

import dataclasses
from datetime import timedelta

import pytest

from policies import packs
from policies.decide import decide
from policies.guardrail import read_guardrail
from policies.heads import guardrail_head
from policies.layers import GuardrailLayer
from policies.model import PolicyError
from policies.obligations import to_json, unmet
from policies.request import Deny, Facts, Permit
from policies.strictness import DEFAULTS, Loosened, covers, demand_defaults, loosened
from policies.vocabulary import LIVE_ACTS, Act, Default, Obligation, Purpose, Rank, Remedy, Tag
from tests.policies.build import NOW, PACK, at_site, incident, policy, request, rule, subject

NAMES = packs.ordinances()
DAY = packs.ordinance("live_24_hours")
OPEN = packs.load_document("ordinances", "open_city/pack.json")
FEDERAL = {"federal alone": {"federal"}, "federal and an operator": {"federal", "operator"}}


def under(pack, **changes):
    """A site that shares everything live, under this ordinance."""
    everything = rule(acts=frozenset(LIVE_ACTS), purposes=frozenset(Purpose))
    held = policy(everything, guardrail=pack.digest)
    return at_site(held, guardrail=GuardrailLayer(pack), **changes)


def test_three_packs_beside_our_own_are_modelled_on_published_rules():
    """Each names what it is modelled on and that it is no city's own text."""
    for name in NAMES:
        source = packs.ordinance(name).source
        assert "own text" in source, name
        assert name == "open_city" or source.startswith("Modelled on "), name
    assert len(NAMES) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_every_pack_forbids_what_is_denied_by_default(name):
    """Sound, protest, immigration and reproductive health are refused everywhere, standing live where people live."""
    pack, judges = packs.ordinance(name), GuardrailLayer(packs.ordinance(name)).judges
    for tags in (frozenset(), *({tag} for tag in Tag)):
        for told in (None, incident(), incident(is_active=False)):
            for act in Act:
                for purpose in Purpose:
                    asked = request(act=act, purpose=purpose, incident=told)
                    forbidden = purpose in {
                        Purpose.IMMIGRATION, Purpose.PROTEST_MONITORING, Purpose.HEALTH_CARE_SEEKING,
                    }  # fmt: skip
                    is_standing = act in LIVE_ACTS and Tag.RESIDENTIAL in tags and (not told or not told.is_active)
                    if forbidden or is_standing or act is Act.LIVE_AUDIO:
                        head = guardrail_head(pack, asked, frozenset(tags), is_second_person_present=True)
                        assert not judges.verdict(head, release=True).is_allowed, (act, purpose, tags, told)


@pytest.mark.parametrize("left_out", list(Default))
def test_a_pack_that_leaves_out_a_default_does_not_load_until_it_cites_why(left_out):
    """Without the deny it is refused, with an empty citation too; with a citation it loads."""
    kept = [one for one in OPEN["rules"] if not covers(_read(one), DEFAULTS[left_out])]  # type: ignore[attr-defined]
    lost = {
        name for name in Default if name is not left_out and not any(covers(_read(one), DEFAULTS[name]) for one in kept)
    }
    others = [{"of": str(name), "cite": "Section 1"} for name in sorted(lost)]
    document = {**OPEN, "rules": kept}

    for exceptions in (others, [*others, {"of": str(left_out), "cite": "  "}]):
        with pytest.raises(PolicyError):
            packs.read_ordinance({**document, "exceptions": exceptions})
    assert packs.read_ordinance({**document, "exceptions": [*others, {"of": str(left_out), "cite": "Section 2"}]})


def _read(one):
    sentinel = OPEN["rules"][0]  # type: ignore[index]
    rules = [sentinel] if one["id"] == "sentinel" else [sentinel, one]
    return read_guardrail({**OPEN, "rules": rules}).rules[-1]


def test_the_place_in_the_pack_is_named():
    """Whoever mends a pack reads which field of which rule."""
    rules = [{**one, "condition": "opened_before:0"} if one["id"] == "plates" else one for one in OPEN["rules"]]  # type: ignore[attr-defined]

    with pytest.raises(PolicyError, match=r"pack\.rules\[2\]\.condition"):
        packs.read_ordinance({**OPEN, "rules": rules})


def test_live_ends_24_hours_after_the_incident_was_opened():
    """To the microsecond, and the horizon announces it."""
    asked = request(incident=incident(opened_at=NOW - timedelta(hours=24)), purpose=Purpose.LIFE_SAFETY)
    late = dataclasses.replace(asked, now=NOW + timedelta(microseconds=1))

    assert isinstance(decide(under(DAY), late), Deny)
    answer = decide(under(DAY), asked)
    assert isinstance(answer, Permit)
    assert answer.horizon == NOW + timedelta(microseconds=1)


def test_an_investigation_needs_a_second_person_and_says_so():
    """Refused with the remedy; permitted with it; no remedy where something else forbids it anyway."""
    one, two = Facts(), Facts(is_second_person_present=True)
    closed = request(incident=incident(is_active=False))

    refused = decide(under(DAY, facts=one), request())
    assert isinstance(refused, Deny)
    assert (refused.rule, refused.remedy) == ("captain_approves", Remedy.TWO_PERSONS)
    assert decide(under(DAY, facts=one), closed).remedy is Remedy.NONE
    behind = request(subject=dataclasses.replace(request().subject, on_behalf_of="Bureau"))
    assert decide(under(DAY, facts=one), behind).remedies == ()
    assert isinstance(decide(under(DAY, facts=two), request()), Permit)


def test_the_report_is_due_within_seven_days():
    """The obligation carries the days; a grant that gives more, or none, is not strict enough."""
    answer = decide(under(DAY), request(purpose=Purpose.LIFE_SAFETY))
    assert isinstance(answer, Permit)
    carried = to_json(answer.obligations)

    assert carried["after_action_days"] == 7
    for worse in ({**carried, "after_action_days": 8}, {k: v for k, v in carried.items() if k != "after_action_days"}):
        assert unmet(answer.obligations, worse) == Obligation.AFTER_ACTION_DAYS
    assert unmet(answer.obligations, {**carried, "after_action_days": 6}) == ""


@pytest.mark.parametrize("roles", FEDERAL.values(), ids=FEDERAL)
def test_no_federal_user_looks_where_an_ordinance_says_so(roles):
    """By the mark on the account, whatever other role there is; and nobody on behalf of another agency."""
    pack = packs.ordinance("no_federal_users")
    marked = subject(roles=frozenset(roles))

    for who in (marked, subject(roles=frozenset({marked.said_role})), subject(on_behalf_of="ice")):
        assert isinstance(decide(under(pack), request(subject=who)), Deny)
    assert isinstance(decide(under(pack), request()), Permit)


def test_the_role_a_site_is_told_is_the_one_that_can_be_forbidden():
    """A mark before everything, then the role that looks, then any."""
    told = [
        ({"admin", "operator", "federal"}, "federal"),
        ({"admin", "operator"}, "operator"),
        ({"admin"}, "admin"),
        (set(), ""),
    ]

    assert [subject(roles=frozenset(roles)).said_role for roles, _ in told] == [role for _, role in told]


def test_what_a_new_pack_loosens_is_named():
    """A rule that goes, a limit that grows; nothing where the new one covers all of the old."""
    fewer = dataclasses.replace(PACK, rules=PACK.rules[:-1])
    longer = dataclasses.replace(DAY, limits=dataclasses.replace(DAY.limits, session_s=3601, after_action_days=8))
    never = dataclasses.replace(DAY, limits=dataclasses.replace(DAY.limits, after_action_days=0, watermark=False))
    anybody = dataclasses.replace(DAY, limits=dataclasses.replace(DAY.limits, second_person=None))
    other = dataclasses.replace(DAY, limits=dataclasses.replace(DAY.limits, second_person=Rank.SUPERVISOR))

    assert loosened(PACK, fewer) == (Loosened(rule=PACK.rules[-1]),)
    assert loosened(fewer, PACK) == ()
    assert [one.limit for one in loosened(DAY, longer)] == ["session_s", "after_action_days"]
    assert [one.limit for one in loosened(DAY, never)] == ["watermark", "after_action_days"]
    assert [one.limit for one in (*loosened(DAY, anybody), *loosened(DAY, other))] == ["second_person"] * 2
    assert not loosened(anybody, DAY)
    assert loosened(DAY, DAY) == ()


CONDITIONS = [
    ("always", "one_person", True), ("one_person", "always", False), ("hand_incident", "no_incident", True),
    ("no_incident", "hand_incident", False), ("opened_before:60", "no_incident", True),
    ("opened_before:60", "opened_before:61", True), ("opened_before:61", "opened_before:60", False),
    ("opened_before:60", "hand_incident", False), ("one_person", "no_incident", False),
]  # fmt: skip


@pytest.mark.parametrize(("outer", "inner", "is_covered"), CONDITIONS)
def test_one_condition_covers_another(outer, inner, is_covered):
    """A deny that holds whenever the other does, and perhaps more often."""
    first = dataclasses.replace(DAY.rules[0], condition=outer)

    assert covers(first, dataclasses.replace(first, condition=inner)) is is_covered
    assert not covers(dataclasses.replace(first, who="role:federal"), first)
    assert not covers(dataclasses.replace(first, scope="tag:school"), first)


def test_a_pack_read_leniently_is_still_no_pack_to_put_in_force():
    """What a site once pinned can be read; only what denies by default can be put in force."""
    bare = {**OPEN, "rules": OPEN["rules"][:1]}  # type: ignore[index]

    assert read_guardrail(bare)
    with pytest.raises(PolicyError, match="must forbid sound"):
        demand_defaults(read_guardrail(bare))
