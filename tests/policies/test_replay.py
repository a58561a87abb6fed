"""Decisions made again: the same rules give the same answers, other rules name what would have been otherwise."""

import dataclasses
from random import Random

from policies.heads import asked_caps, sharing_head
from policies.layers import SharingLayer
from policies.replay import Outcome, line, record, replay
from policies.request import Facts
from policies.vocabulary import Act
from tests.policies.build import deny, policy, request, rule
from tests.policies.generate import directed, random_policy

NO_FACTS = Facts()


def kept(layer, asked, facts=NO_FACTS, ref="dec_1"):
    """The record of one decision."""
    head = sharing_head(layer, asked, facts, caps=asked_caps(asked))
    verdict = layer.judges.kernel.verdict(head)
    return record(layer, ref=ref, document="0" * 64, camera=asked.camera, head=head, verdict=verdict)


def test_the_same_rules_give_the_same_answers():
    """On random documents nothing differs from itself, and a document read anew does not either."""
    dice = Random(5)
    for _ in range(100):
        held = random_policy(dice)
        layer = SharingLayer(held)
        records = [kept(layer, asked, facts) for asked, facts in (directed(dice, held) for _ in range(10))]

        assert replay(SharingLayer(held), records) == Outcome(10, (), ())


def test_a_candidate_says_what_would_have_been_refused_or_allowed():
    """What happened and would have been refused, and the other way round."""
    live, fetch = request(), request(act=Act.REGISTRY_VIEW)
    layer = SharingLayer(policy(rule()))
    records = [kept(layer, live, ref="dec_1"), kept(layer, fetch, ref="dec_2")]

    assert replay(SharingLayer(policy()), records) == Outcome(2, ("dec_1",), ())
    more = policy(rule(acts=frozenset({Act.LIVE_VIEW, Act.REGISTRY_VIEW})))
    assert replay(SharingLayer(more), records) == Outcome(2, (), ("dec_2",))
    assert replay(SharingLayer(policy(rule(), deny())), records).refused == ("dec_1",)


def test_groups_are_the_candidates():
    """A camera that the candidate puts into another group, or leaves out, is decided by that."""
    layer = SharingLayer(policy(rule(scope="group:yard")))
    records = [kept(layer, request(camera="cam_2"))]
    moved = policy(rule(scope="group:yard"))
    moved = dataclasses.replace(moved, groups=(dataclasses.replace(moved.groups[0], cameras=frozenset({"cam_1"})),))

    assert records[0].is_allowed
    assert replay(SharingLayer(moved), records).refused == ("dec_1",)
    gone = dataclasses.replace(policy(rule()), cameras=policy().cameras[:1], groups=())
    assert replay(SharingLayer(gone), records).refused == ("dec_1",)


def test_a_record_is_one_line_that_tells_decisions_apart():
    """Fields in a fixed order; another moment, another act or another answer is another line."""
    layer = SharingLayer(policy(rule()))
    text = line(kept(layer, request()))

    assert text.count("\t") == 14
    assert "\n" not in text
    assert text.endswith("\tallow\tr")
    others = [request(act=Act.REGISTRY_VIEW), request(incident=None), request(now=request().now.replace(second=1))]
    assert len({text, *(line(kept(layer, other)) for other in others)}) == 4
