"""Every way to be refused, each before its permit; then caps, obligations, horizon and remedies."""

import dataclasses
from datetime import timedelta

import pytest

from policies import packs
from policies.decide import decide, preview, propose_caps
from policies.geo import Cell
from policies.layers import GuardrailLayer, SharingLayer
from policies.parts import Totals
from policies.request import Approval, Caps, Deny, Facts, Invariants, Permit, Usage
from policies.vocabulary import (
    LIVE_ACTS,
    Act,
    IncidentKind,
    Layer,
    Notify,
    Obligation,
    Origin,
    Purpose,
    Reason,
    Remedy,
    Tag,
    Technology,
)
from tests.policies.build import (
    NOW,
    at_centre,
    at_site,
    deny,
    envelope,
    incident,
    policy,
    request,
    rule,
    span,
    subject,
    terms,
)

HELD = policy(
    rule("live", condition="near:500", acts=frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO})),
    rule("clip", acts=frozenset({Act.CLIP_FETCH, Act.CLIP_REQUEST, Act.PRESERVE_PLACE, Act.REGISTRY_VIEW})),
)
SHIPPED = packs.ordinance("open_city")
PRESENT = Invariants(is_camera_present=True)
LATER = NOW + timedelta(minutes=5)


def home(held):
    """The policy of somebody's home."""
    return dataclasses.replace(held, tags={Tag.RESIDENTIAL: frozenset({"cam_1"})})


def without(place, layer):
    """The layers of a place without one."""
    made = at_site(HELD) if place == "site" else at_centre(HELD)
    return dataclasses.replace(made, **{layer: () if layer == "sharing" else None})


DENIED = {
    "unknown act": (at_site(HELD), request(act="fly"), Reason.UNKNOWN_TERM),
    "unknown purpose": (at_site(HELD), request(purpose="curiosity"), Reason.UNKNOWN_TERM),
    "unknown technology": (at_site(HELD), request(technology="telepathy"), Reason.UNKNOWN_TERM),
    "unknown incident kind": (at_site(HELD), request(incident=incident(kind="picnic")), Reason.UNKNOWN_TERM),
    "unknown origin": (at_site(HELD), request(incident=incident(origin="rumour")), Reason.UNKNOWN_TERM),
    "no range": (at_site(HELD), request(act=Act.CLIP_FETCH), Reason.RANGE_MISSING),
    "empty range": (at_site(HELD), request(act=Act.CLIP_FETCH, span=span(-5, -5)), Reason.RANGE_MISSING),
    "purpose that the kind does not carry": (
        at_site(HELD), request(incident=incident(kind=IncidentKind.WEATHER)), Reason.PURPOSE_MISMATCH
    ),
    "network switch": (
        at_centre(HELD, invariants=dataclasses.replace(PRESENT, is_suspended=True)), request(), Reason.SUSPENDED
    ),
    "paused": (at_site(HELD, invariants=dataclasses.replace(PRESENT, is_paused=True)), request(), Reason.PAUSED),
    "partner withdrawn": (
        at_centre(HELD, invariants=dataclasses.replace(PRESENT, is_partner_active=False)), request(),
        Reason.PARTNER_INACTIVE,
    ),
    "account ended": (
        at_centre(HELD, invariants=dataclasses.replace(PRESENT, is_account_active=False)), request(),
        Reason.ACCOUNT_INACTIVE,
    ),
    "camera gone": (
        at_site(HELD, invariants=dataclasses.replace(PRESENT, is_camera_present=False)), request(),
        Reason.NO_SUCH_CAMERA,
    ),
    "camera not in the document": (at_site(HELD), request(camera="cam_9"), Reason.NO_SUCH_CAMERA),
    "another partner": (at_site(HELD), request(partner="org_2"), Reason.WRONG_PARTNER),
    "face matching": (at_site(HELD), request(technology=Technology.FACE_MATCHING), Reason.GUARDRAIL),
    "forbidden purpose": (at_site(HELD), request(purpose=Purpose.IMMIGRATION, incident=None), Reason.GUARDRAIL),
    "a home without an incident": (at_site(home(HELD)), request(incident=None), Reason.GUARDRAIL),
    "a home after the incident": (
        at_site(home(HELD)), request(incident=incident(is_active=False)), Reason.GUARDRAIL
    ),
    "sound, in the city as shipped": (
        at_site(dataclasses.replace(HELD, guardrail=SHIPPED.digest), guardrail=GuardrailLayer(SHIPPED)),
        request(caps=Caps(60, 720, audio=True)), Reason.GUARDRAIL,
    ),
    "care, incident by hand": (
        at_site(dataclasses.replace(HELD, tags={Tag.HEALTH: frozenset({"cam_1"})})),
        request(incident=incident(origin=Origin.HAND)), Reason.GUARDRAIL,
    ),
    "another ordinance on site": (
        at_site(dataclasses.replace(HELD, guardrail="1" * 64)), request(), Reason.WRONG_GUARDRAIL
    ),
    "agreement not begun": (
        at_centre(HELD, envelope=envelope(from_ms=2**45)), request(), Reason.AGREEMENT
    ),
    "agreement ended": (
        at_site(dataclasses.replace(HELD, envelope=envelope(until_ms=1))), request(), Reason.AGREEMENT
    ),
    "agency outside the agreement": (at_site(HELD), request(subject=subject(agency="age_2")), Reason.AGREEMENT),
    "act outside the agreement": (
        at_centre(HELD, envelope=envelope(acts=frozenset({Act.CLIP_FETCH}))), request(), Reason.AGREEMENT
    ),
    "purpose outside the agreement": (
        at_centre(HELD, envelope=envelope(purposes=frozenset())), request(), Reason.AGREEMENT
    ),
    "clip longer than the agreement": (
        at_centre(HELD, envelope=envelope(clip_s=60)), request(act=Act.CLIP_FETCH, span=span()), Reason.AGREEMENT
    ),
    "clip older than the agreement": (
        at_centre(HELD, envelope=envelope(look_back_s=60)), request(act=Act.CLIP_FETCH, span=span()), Reason.AGREEMENT
    ),
    "nobody's rule": (at_site(policy()), request(), Reason.NOT_SHARED),
    "another camera's rule": (at_site(policy(rule(scope="camera:cam_2"))), request(), Reason.NOT_SHARED),
    "another agency's rule": (at_site(policy(rule(grantee="agency:age_2"))), request(), Reason.GRANTEE),
    "another act's rule": (at_site(HELD), request(act=Act.PTZ_MOVE), Reason.ACT),
    "moving without leave": (at_site(HELD), request(caps=Caps(60, 720, ptz=True)), Reason.ACT),
    "another purpose's rule": (at_site(HELD), request(purpose=Purpose.FIRE, incident=None), Reason.PURPOSE),
    "a rule that ended": (at_site(policy(rule(until_ms=1))), request(), Reason.DATES),
    "a rule to come": (at_site(policy(rule(from_ms=2**45))), request(), Reason.DATES),
    "at night": (at_site(policy(rule(window="office"))), request(now=NOW + timedelta(hours=9)), Reason.WINDOW),
    "no incident": (at_site(HELD), request(incident=None), Reason.CONDITION),
    "incident too far": (at_site(HELD), request(incident=incident(cell=Cell(41_890, -87_630))), Reason.CONDITION),
    "incident closed": (at_site(HELD), request(incident=incident(is_active=False)), Reason.CONDITION),
    "incident by hand": (at_site(HELD), request(incident=incident(origin=Origin.HAND)), Reason.CONDITION),
    "incident that moved here": (at_site(HELD), request(incident=incident(has_moved=True)), Reason.CONDITION),
    "no approval": (at_site(policy(rule(condition="ask"))), request(), Reason.CONDITION),
    "approval of something else": (
        at_site(policy(rule(condition="ask")), facts=Facts(approval=Approval(Act.CLIP_FETCH, LATER))), request(),
        Reason.CONDITION,
    ),
    "approval that ran out": (
        at_site(policy(rule(condition="ask")), facts=Facts(approval=Approval(Act.LIVE_VIEW, NOW))), request(),
        Reason.CONDITION,
    ),
    "panic over": (
        at_site(policy(rule(condition="panic")), facts=Facts(panic_until=NOW)), request(), Reason.CONDITION
    ),
    "one person only": (at_site(policy(rule(condition="two_persons"))), request(), Reason.CONDITION),
    "too long": (at_site(HELD), request(caps=Caps(601, 720)), Reason.TERMS),
    "too high": (at_site(HELD), request(caps=Caps(60, 1081)), Reason.TERMS),
    "clip too long": (at_site(HELD), request(act=Act.CLIP_FETCH, span=span(-30, -10)), Reason.TERMS),
    "clip too old": (at_site(HELD), request(act=Act.CLIP_FETCH, span=span(-1500, -1499)), Reason.TERMS),
    "hold too long": (
        at_site(HELD), request(act=Act.PRESERVE_PLACE, span=span(), caps=Caps(259_201, 720)), Reason.TERMS
    ),
    "clip before the history": (
        at_site(policy(*HELD.rules, terms=(terms(history_from_ms=2**45),))),
        request(act=Act.CLIP_FETCH, span=span()), Reason.TERMS,
    ),
    "clip not around the incident": (
        at_site(policy(*HELD.rules, terms=(terms(around_s=60),))), request(act=Act.CLIP_FETCH, span=span()),
        Reason.TERMS,
    ),
    "clip around no incident": (
        at_site(policy(*HELD.rules, terms=(terms(around_s=60),))),
        request(act=Act.CLIP_FETCH, span=span(), incident=None), Reason.TERMS,
    ),
    "nothing asked": (at_site(HELD), request(caps=Caps(0, 720)), Reason.TERMS),
    "a deny": (at_site(policy(*HELD.rules, deny())), request(), Reason.DENY_RULE),
    "a deny of sound alone": (
        at_site(policy(*HELD.rules, deny(acts=frozenset({Act.LIVE_AUDIO})))),
        request(caps=Caps(60, 720, audio=True)), Reason.DENY_RULE,
    ),
    "one of two documents": (at_centre(HELD, policy()), request(), Reason.NOT_SHARED),
    "day's total": (at_site(HELD, facts=Facts(usage=Usage(live_s=86_400))), request(), Reason.TOTALS),
    "views at once": (at_site(HELD, facts=Facts(usage=Usage(views_now=8))), request(), Reason.TOTALS),
    "day's clips": (
        at_site(HELD, facts=Facts(usage=Usage(clip_s=86_200))), request(act=Act.CLIP_FETCH, span=span()),
        Reason.TOTALS,
    ),
    "no factor": (at_centre(HELD), request(subject=subject(assurance=1)), Reason.AGENCY),
    "no role": (at_centre(HELD), request(subject=subject(roles=frozenset())), Reason.AGENCY),
    "compliance watching": (
        at_centre(HELD), request(subject=subject(roles=frozenset({"operator", "compliance"}))), Reason.AGENCY
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DENIED)
def test_refused(name):
    """Each of these is refused, for the reason it names, by `decide` and by `preview` alike."""
    layers, asked, reason = DENIED[name]
    answer = decide(layers, asked)

    assert isinstance(answer, Deny)
    assert answer.reason is reason, answer
    assert not answer.is_alarm
    assert answer.explanation
    assert preview(layers, asked) == answer


@pytest.mark.parametrize("place", ["site", "centre"])
@pytest.mark.parametrize("layer", [*Layer])
def test_a_missing_layer_is_a_deny(place, layer):
    """No layer that a place needs can be left out; the site has no agency layer."""
    answer = decide(without(place, layer), request())

    if (place, layer) == ("site", Layer.AGENCY):
        assert isinstance(answer, Permit)
    else:
        assert isinstance(answer, Deny)
        assert (answer.reason, answer.layer) == (Reason.LAYER_MISSING, layer)
        assert propose_caps(without(place, layer), request()) is None


def test_a_site_without_a_document_shares_nothing():
    """An agent that holds no document denies."""
    answer = decide(at_site(HELD, sharing=None), request())

    assert isinstance(answer, Deny)
    assert answer.reason is Reason.LAYER_MISSING


PERMITTED = {
    "live nearby": (at_site(HELD), request()),
    "live at the centre": (at_centre(HELD), request()),
    "live from a home": (at_site(home(HELD)), request()),
    "with sound": (at_site(HELD), request(caps=Caps(60, 720, audio=True))),
    "sound alone": (at_site(HELD), request(act=Act.LIVE_AUDIO)),
    "a clip": (at_site(HELD), request(act=Act.CLIP_FETCH, span=span(), incident=None)),
    "a clip after the incident": (
        at_site(policy(rule(acts=frozenset({Act.CLIP_FETCH}), condition="near:500"), terms=(terms(around_s=900),))),
        request(act=Act.CLIP_FETCH, span=span(), incident=incident(is_active=False)),
    ),
    "a hold": (at_site(HELD), request(act=Act.PRESERVE_PLACE, span=span(), caps=Caps(259_200, 720))),
    "the map": (at_site(HELD), request(act=Act.REGISTRY_VIEW, caps=Caps(0, 0))),
    "asked and answered": (
        at_site(policy(rule(condition="ask")), facts=Facts(approval=Approval(Act.LIVE_VIEW, LATER))), request()
    ),
    "panic": (at_site(policy(rule(condition="panic")), facts=Facts(panic_until=LATER)), request()),
    "two persons": (
        at_site(policy(rule(condition="two_persons")), facts=Facts(is_second_person_present=True)), request()
    ),
    "any incident": (at_site(policy(rule(condition="any"))), request(incident=incident(lat=40))),
    "in office hours": (at_site(policy(rule(window="office"))), request()),
    "a deny for others": (at_site(policy(deny(grantee="agency:age_2"), *HELD.rules)), request()),
    "two documents": (at_centre(HELD, HELD), request()),
    "the centre after an ordinance changed": (at_centre(dataclasses.replace(HELD, guardrail="1" * 64)), request()),
}  # fmt: skip


@pytest.mark.parametrize("name", PERMITTED)
def test_permitted(name):
    """Each of these is permitted, with no more than was asked for."""
    layers, asked = PERMITTED[name]
    answer = decide(layers, asked)

    assert isinstance(answer, Permit), answer
    assert answer.caps.seconds <= max(asked.caps.seconds, 900)
    assert answer.caps.height_lines <= asked.caps.height_lines
    assert len(answer.rules) == len(layers.sharing)


def test_caps_are_cut_to_the_tightest():
    """What is permitted is what was asked for, cut to agreement, ordinance and what is left of the day."""
    tight = policy(*HELD.rules, envelope=envelope(session_s=200), totals=Totals(86_400, 86_400, 8))

    assert decide(at_site(tight), request()).caps == Caps(200, 720)
    used = Facts(usage=Usage(live_s=86_300))
    assert decide(at_site(tight, facts=used), request()).caps == Caps(100, 720)
    low = at_centre(HELD, envelope=envelope(height_lines=480))
    assert decide(low, request()).caps == Caps(300, 480)
    none = at_centre(HELD, envelope=envelope(session_s=0))
    assert decide(none, request()).reason is Reason.TERMS


def test_the_proposal_is_what_the_first_rule_gives():
    """The first rule in the owner's order whose other conditions hold, cut to the wish; then it is permitted."""
    wish = Caps(9_999, 2_160, audio=True, ptz=True)
    layers = at_centre(policy(rule("night", window="office", terms="t"), rule("all", terms="more"), terms=(
        terms(), terms("more", session_s=3_000)
    )))  # fmt: skip

    caps = propose_caps(layers, request(caps=wish))
    assert caps == Caps(600, 1080)
    assert isinstance(decide(layers, request(caps=caps)), Permit)
    night = request(caps=wish, now=NOW + timedelta(hours=9))
    assert propose_caps(layers, night) == Caps(3_000, 1080)


def test_the_proposal_leaves_out_what_a_deny_stops():
    """Sound and moving go, one by one, where another rule forbids them."""
    both = frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE})
    wish = request(caps=Caps(60, 720, audio=True, ptz=True))
    for stopped, left in (
        ((), Caps(60, 720, audio=True, ptz=True)),
        ((Act.PTZ_MOVE,), Caps(60, 720, audio=True)),
        ((Act.LIVE_AUDIO,), Caps(60, 720, ptz=True)),
        ((Act.LIVE_AUDIO, Act.PTZ_MOVE), Caps(60, 720)),
    ):
        stops = [deny(acts=frozenset(stopped))] if stopped else []
        layers = at_site(policy(rule(acts=both), *stops))

        assert propose_caps(layers, wish) == left


def test_there_is_no_proposal_where_nothing_would_do():
    """No rule, another camera, an unknown word: None. A deny elsewhere leaves the proposal to be refused."""
    assert propose_caps(at_site(policy()), request()) is None
    assert propose_caps(at_site(HELD), request(camera="cam_9")) is None
    assert propose_caps(at_site(HELD), request(act="fly")) is None
    assert propose_caps(at_site(policy(deny(), rule())), request()) is None
    refused = at_site(HELD, facts=Facts(usage=Usage(views_now=8)))
    assert propose_caps(refused, request()) == Caps(300, 720)
    assert propose_caps(at_centre(HELD, policy(rule(), terms=(terms(session_s=20),))), request()) == Caps(20, 720)


def test_obligations_are_the_strictest_of_all_documents():
    """Watermark if any says so, masks united, told now if any says so, and what the ordinance adds."""
    one = policy(rule(terms="t"), terms=(terms(masks=frozenset({"a"}), watermark=False, notify=Notify.DIGEST),))
    two = policy(rule(terms="t"), terms=(terms(masks=frozenset({"b"})),))

    drawn = dataclasses.replace(at_centre(one, two).invariants, drawn_masks=frozenset({"a", "b", "c"}))
    found = decide(dataclasses.replace(at_centre(one, two), invariants=drawn), request()).obligations
    assert found == {
        Obligation.WATERMARK: True,
        Obligation.NOTIFY: "now",
        Obligation.MASKS: ("a", "b"),
        Obligation.MAX_SECONDS: 300,
        Obligation.MAX_HEIGHT: 720,
        Obligation.AUDIO_OFF: True,
        Obligation.PTZ_OFF: True,
        Obligation.RECORD_REASON: True,
    }
    told = policy(rule(terms="t"), terms=(terms(watermark=False, notify=Notify.DIGEST),))
    assert decide(at_site(told), request()).obligations[Obligation.NOTIFY] == "digest"


LIVE_ONES = {
    "at the centre": at_centre,
    "on site": at_site,
}


@pytest.mark.parametrize("place", LIVE_ONES)
@pytest.mark.parametrize("act", sorted(LIVE_ACTS))
def test_live_is_refused_while_masks_are_asked_for_that_nobody_can_draw(place, act):
    """At the centre as on site, for every live act: all of the masks, or nothing; what is drawn besides is no harm."""
    masked = policy(rule(acts=LIVE_ACTS, terms="t"), terms=(terms(masks=frozenset({"a", "b"})),))
    layers, asked = LIVE_ONES[place](masked), request(act=act)

    for drawn in (frozenset(), frozenset({"a"}), frozenset({"c"})):
        held = dataclasses.replace(layers, invariants=dataclasses.replace(layers.invariants, drawn_masks=drawn))
        for refused in (decide(held, asked), preview(held, asked)):
            assert (refused.reason, refused.layer) == (Reason.MASKS, Layer.SHARING)
            assert refused.explanation.startswith("This camera lacks an area")
    for drawn in (frozenset({"a", "b"}), frozenset({"a", "b", "c"})):
        held = dataclasses.replace(layers, invariants=dataclasses.replace(layers.invariants, drawn_masks=drawn))
        assert decide(held, asked).obligations[Obligation.MASKS] == ("a", "b")


@pytest.mark.parametrize("place", LIVE_ONES)
def test_a_recording_is_shown_only_where_its_masks_are_drawn(place):
    """Watching what was recorded shows the same scene: the same areas are black, or nothing is given."""
    recorded = frozenset({Act.RECORDED_VIEW})
    layers = LIVE_ONES[place](policy(rule(acts=recorded, terms="t"), terms=(terms(masks=frozenset({"a"})),)))
    held = dataclasses.replace(layers, invariants=dataclasses.replace(layers.invariants, drawn_masks=frozenset({"a"})))
    asked = request(act=Act.RECORDED_VIEW, span=span(), caps=Caps(300, 720))

    refused = decide(layers, asked)
    assert (refused.reason, refused.layer) == (Reason.MASKS, Layer.SHARING)
    assert decide(held, asked).obligations[Obligation.MASKS] == ("a",)


def test_masks_take_nothing_but_pictures():
    """The place on the map and recordings keep their own answer: on site a file asks for a yes of its own."""
    acts = frozenset({Act.REGISTRY_VIEW, Act.CLIP_FETCH, Act.PRESERVE_PLACE})
    masked = policy(rule(acts=acts, terms="t"), terms=(terms(masks=frozenset({"a"})),))

    for act in acts:
        asked = request(act=act, span=None if act is Act.REGISTRY_VIEW else span(-30, -25))
        assert isinstance(decide(at_centre(masked), asked), Permit), act


def test_emergency_access_obliges_to_the_second_person_and_a_review():
    """Emergency access by two people carries both duties, and its owner is told at once whatever the terms say."""
    later = terms(notify=Notify.DIGEST)
    held = policy(rule(condition="two_persons"), terms=(later,))
    layers = at_site(held, facts=Facts(is_second_person_present=True))
    found = decide(layers, request(caps=Caps(60, 720))).obligations

    assert found[Obligation.SECOND_PERSON] is True
    assert found[Obligation.AFTER_ACTION] is True
    assert found[Obligation.NOTIFY] == "now"


def test_sound_and_map_have_their_own_obligations():
    """Listening is not obliged to silence; the map has no length or height."""
    sound = decide(at_site(HELD), request(act=Act.LIVE_AUDIO)).obligations
    chart = decide(at_site(HELD), request(act=Act.REGISTRY_VIEW, caps=Caps(0, 0))).obligations

    assert Obligation.AUDIO_OFF not in sound
    assert Obligation.MAX_SECONDS not in chart


HORIZONS = {
    "length of the view": (at_site(HELD), request(), 300),
    "end of a window": (at_site(policy(rule(window="office"))), request(now=NOW + timedelta(hours=7, minutes=58)), 120),
    "end date": (at_site(policy(rule(until_ms=round(NOW.timestamp() * 1000) + 60_000))), request(), 60),
    "end of the agreement": (
        at_site(policy(rule(), envelope=envelope(until_ms=round(NOW.timestamp() * 1000) + 30_000))), request(), 30
    ),
    "a deny that opens": (
        at_site(policy(deny(window="office"), rule())), request(now=NOW - timedelta(hours=2, minutes=1)), 60
    ),
    "a deny that begins": (
        at_site(policy(rule(), deny(from_ms=round(NOW.timestamp() * 1000) + 10_000))), request(), 10
    ),
    "a deny for others": (
        at_site(policy(rule(), deny(grantee="agency:age_2", from_ms=round(NOW.timestamp() * 1000) + 10_000))),
        request(), 300,
    ),
    "approval": (
        at_site(
            policy(rule(condition="ask")), facts=Facts(approval=Approval(Act.LIVE_VIEW, NOW + timedelta(seconds=9)))
        ),
        request(), 9,
    ),
    "panic": (
        at_site(policy(rule(condition="panic")), facts=Facts(panic_until=NOW + timedelta(seconds=8))), request(), 8
    ),
    "recording grows old": (
        at_site(policy(*HELD.rules, terms=(terms(look_back_s=660),))), request(act=Act.CLIP_FETCH, span=span()),
        60.000001,
    ),
    "nothing changes by itself": (at_site(HELD), request(act=Act.REGISTRY_VIEW, caps=Caps(0, 0)), None),
    "all week": (
        at_site(policy(rule(window="office", acts=frozenset({Act.REGISTRY_VIEW})), windows=(
            dataclasses.replace(HELD.windows[0], spans=((0, 10_080),)),))),
        request(act=Act.REGISTRY_VIEW, caps=Caps(0, 0)), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HORIZONS)
def test_the_horizon_is_the_next_change(name):
    """The earliest moment at which the answer may change by itself, in seconds from now."""
    layers, asked, seconds = HORIZONS[name]
    answer = decide(layers, asked)

    assert isinstance(answer, Permit), answer
    assert answer.horizon == (None if seconds is None else asked.now + timedelta(seconds=seconds))


REMEDIES = {
    "an incident would do": (policy(rule(condition="near:500")), request(incident=None), Remedy.LINK_INCIDENT),
    "any incident would do": (policy(rule(condition="any")), request(incident=None), Remedy.LINK_INCIDENT),
    "this incident will not do": (policy(rule(condition="near:500")), request(incident=incident(lat=40)), Remedy.NONE),
    "asking would do": (policy(rule(condition="ask")), request(), Remedy.ASK),
    "two would do": (policy(rule(condition="two_persons")), request(), Remedy.TWO_PERSONS),
    "panic is the site's": (policy(rule(condition="panic")), request(), Remedy.NONE),
    "asking would not do at night": (
        policy(rule(condition="ask", window="office")), request(now=NOW + timedelta(hours=9)), Remedy.NONE
    ),
    "first an incident, then asking": (
        policy(rule("a", condition="ask"), rule("b", condition="near:500")), request(incident=None),
        Remedy.LINK_INCIDENT,
    ),
    "an incident too far, but asking": (
        policy(rule("a", condition="near:500"), rule("b", condition="ask")), request(incident=incident(lat=40)),
        Remedy.ASK,
    ),
    "nothing is offered to a stranger": (policy(rule(condition="ask", grantee="agency:age_2")), request(), Remedy.NONE),
    "a deny offers nothing": (policy(rule(condition="ask"), deny()), request(), Remedy.NONE),
}  # fmt: skip


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_is_offered_only_where_the_owner_offers_it(name):
    """What the operator may read is what one of the owner's rules would accept, and nothing else."""
    held, asked, remedy = REMEDIES[name]

    assert decide(at_site(held), asked).remedy is remedy


def test_everything_the_owner_offers_is_said_in_one_order_and_once():
    """Rules that offer a second person, asking, and an incident: all three, whatever their order and however often."""
    conditions = {"a": "two_persons", "b": "ask", "c": "near:500", "d": "ask"}
    offered = [rule(name, condition=kind) for name, kind in conditions.items()]

    for rules in (offered, offered[::-1]):
        alone, linked = (decide(at_site(policy(*rules)), request(incident=one)) for one in (None, incident(lat=40)))
        assert alone.remedies == (Remedy.LINK_INCIDENT, Remedy.ASK, Remedy.TWO_PERSONS)
        assert (alone.remedy, linked.remedies) == (Remedy.LINK_INCIDENT, (Remedy.ASK, Remedy.TWO_PERSONS))


def test_for_another_agency_nobodys_yes_is_offered():
    """Neither the owner's nor a second person's, whoever asks for it, the owner or the ordinance; an incident is."""
    held = policy(rule("a", condition="two_persons"), rule("b", condition="ask"), rule("c", condition="near:500"))
    asked = request(incident=None)
    behind = dataclasses.replace(asked, subject=dataclasses.replace(asked.subject, on_behalf_of="Bureau"))

    assert decide(at_site(held), behind).remedies == (Remedy.LINK_INCIDENT,)
    far = dataclasses.replace(behind, incident=incident(lat=40))
    assert decide(at_site(held), far).remedies == ()


def test_the_nearest_rule_is_named_for_the_owner():
    """The rule that got farthest is named; where none speaks of the camera, none is."""
    far = policy(rule("a", purposes=frozenset({Purpose.FIRE})), rule("b", window="office"))

    assert decide(at_site(far), request(now=NOW + timedelta(hours=9))).rule == "b"
    assert decide(at_site(policy(rule(scope="camera:cam_2"))), request()).rule == ""
    assert decide(at_site(policy(rule(), deny("stop"))), request()).rule == "stop"


def test_a_stricter_ordinance_at_the_centre_binds_before_the_site_knows_it():
    """The centre decides by the ordinance it has loaded, whatever a document pins."""
    document = dict(packs.load_document("ordinances", "open_city/pack.json"))
    document["limits"] = {**document["limits"], "session_s": 60}  # type: ignore[dict-item]
    strict = GuardrailLayer(packs.read_guardrail(document))

    assert decide(at_centre(HELD, guardrail=strict), request()).caps.seconds == 60
    assert decide(at_site(HELD, guardrail=strict), request()).reason is Reason.WRONG_GUARDRAIL


def test_a_layer_is_compiled_once_for_many_requests():
    """The same compiled layer answers for every camera of its document."""
    layer = SharingLayer(policy(rule()))

    for name in ("cam_1", "cam_2"):
        assert isinstance(decide(at_site(HELD, sharing=layer), request(camera=name)), Permit)
