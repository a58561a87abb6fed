"""The answer holds until the horizon: held against the oracle, asked again minute by minute."""

import dataclasses
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from policies.decide import preview
from policies.horizon import next_change
from policies.layers import Layers
from policies.request import Facts, Permit, Request
from policies.vocabulary import Act, Layer
from tests.policies import oracle
from tests.policies.build import NOW, at_site, envelope, policy, request, rule, span, terms
from tests.policies.generate import random_policy, satisfying
from tests.policies.plain import case_of

MICROSECOND, MINUTE = timedelta(microseconds=1), 60_000_000
# from here the search crosses a night on which clocks change, in Chicago or in Berlin
NIGHTS = [
    datetime(2026, 3, 7, 20, tzinfo=UTC), datetime(2026, 10, 31, 20, tzinfo=UTC),
    datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC), NOW,
]  # fmt: skip
SEARCH = timedelta(hours=14)
CASES = 200
MASKS = frozenset({"m1"})
VIEWS = {Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE}  # their horizon is mostly their length


def moved(asked: Request, facts: Facts, now: datetime) -> tuple[Request, Facts]:
    """The same question at another time, with everything that hangs on it."""
    by = now - asked.now
    span_now = None if asked.span is None else dataclasses.replace(
        asked.span, start=asked.span.start + by, end=asked.span.end + by
    )  # fmt: skip
    told = None if asked.incident is None else dataclasses.replace(
        asked.incident, opened_at=asked.incident.opened_at + by
    )  # fmt: skip
    assert facts.panic_until is not None
    assert facts.approval is not None
    until = now + timedelta(minutes=7, seconds=1)
    held = dataclasses.replace(facts, panic_until=until, approval=dataclasses.replace(facts.approval, until=until))
    return dataclasses.replace(asked, now=now, span=span_now, incident=told), held


def drawing(layers: Layers) -> Layers:
    """With every mask the rules name: whether it is drawn is no question of time."""
    assert layers.invariants is not None
    return dataclasses.replace(layers, invariants=dataclasses.replace(layers.invariants, drawn_masks=MASKS))


def cases():
    """Questions that the owner's rules alone decide, around the nights on which clocks change."""
    dice = Random(8)
    while True:
        held = dataclasses.replace(random_policy(dice), envelope=envelope(agencies=frozenset({"age_1", "age_2"})))
        asked, facts = satisfying(dice, held, dice.choice(held.rules))
        night = dice.choice(NIGHTS) + timedelta(minutes=dice.randrange(600), microseconds=dice.choice((0, 1, 59)))
        asked, facts = moved(asked, facts, night)
        layers = drawing(at_site(held, facts=facts))
        answer = preview(layers, asked)
        if asked.act not in VIEWS and (isinstance(answer, Permit) or answer.layer is Layer.SHARING):
            yield held.to_document(), asked, facts, isinstance(answer, Permit), next_change(layers, asked, answer)


def test_nothing_changes_before_the_horizon():
    """Asked again every minute, and just before each, the oracle gives the same answer until the moment announced."""
    seen, changes, some = 0, 0, cases()
    while seen < CASES:
        document, asked, facts, is_permit, until = next(some)
        case = case_of(asked, facts)
        assert oracle.owner(document, case)[0] is is_permit
        end = case["now"] + SEARCH // MICROSECOND if until is None else (until - asked.now) // MICROSECOND + case["now"]
        for minute in range(case["now"] // MINUTE, min(end, case["now"] + SEARCH // MICROSECOND) // MINUTE + 1):
            for now in (minute * MINUTE - 1, minute * MINUTE):
                if case["now"] <= now < end:
                    assert oracle.owner(document, {**case, "now": now})[0] is is_permit, (now, until, asked)
        if until is not None:
            seen += 1
            changes += oracle.owner(document, {**case, "now": end})[0] is not is_permit
    assert changes > CASES / 8  # often enough the moment announced is one at which the answer changes


EDGES = {
    "a recording at its limit": (policy(rule(acts=frozenset({Act.CLIP_FETCH})), terms=(terms(look_back_s=600),)), 0),
    "a recording the agreement ends": (
        policy(rule(acts=frozenset({Act.CLIP_FETCH})), envelope=envelope(look_back_s=660)), 60
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_a_recording_that_grows_too_old_has_a_horizon(name):
    """Also where it is at its limit right now, and where the agreement is tighter than the rule."""
    held, seconds = EDGES[name]
    asked = request(act=Act.CLIP_FETCH, span=span())
    answer = preview(at_site(held), asked)

    assert isinstance(answer, Permit)
    assert answer.horizon == NOW + timedelta(seconds=seconds, microseconds=1)
    assert not isinstance(preview(at_site(held), dataclasses.replace(asked, now=answer.horizon)), Permit)


def test_a_deny_says_when_it_may_become_a_yes():
    """Outside the hours: the next opening. A camera that is not there: never by itself."""
    held = policy(rule(window="office"))
    night = request(now=NOW + timedelta(hours=9))

    assert next_change(at_site(held), night, preview(at_site(held), night)) == NOW + timedelta(hours=22)
    elsewhere = request(camera="cam_9")
    assert next_change(at_site(held), elsewhere, preview(at_site(held), elsewhere)) is None
