"""Kernel, our Casbin enforcer, pycasbin as it comes, Cedar and an independent oracle give one answer."""

from random import Random

import pytest

from policies.kernel import Kernel
from policies.layers import names_in
from tests.policies import oracle
from tests.policies.engines import questions

CASES = 20_000


@pytest.mark.slow
def test_five_engines_agree():
    """On 20,000 directed cases every engine gives the oracle's answer, and the kernel its deciding rule."""
    allowed = 0
    for world, question in questions(Random(1), CASES):
        assert world.difference(question) == ""
        allowed += oracle.owner(world.document, question.case)[0]
    assert CASES * 0.3 < allowed < CASES * 0.6  # the cases are worth something only if both answers are common


def verdict_with(world, question, rows):
    """Whether the kernel allows this with other rows of the same document."""
    return Kernel("sharing", rows, names_in(world.policy)).verdict(question.head).is_allowed


def verdict_of(world, question):
    """Whether the kernel allows this."""
    return world.layer.judges.kernel.verdict(question.head).is_allowed


def test_the_order_of_rules_changes_no_answer():
    """Only terms depend on the order; whether it is allowed does not."""
    for world, question in questions(Random(2), 1_000):
        assert verdict_with(world, question, world.layer.rows[::-1]) == verdict_of(world, question)


def test_a_rule_of_another_partner_never_matters():
    """A row of another partner, allow or deny, changes no answer."""
    for world, question in questions(Random(3), 1_000):
        rows = world.layer.rows
        foreign = [row._replace(dom="org_9", eft=effect) for row in rows for effect in ("allow", "deny")]

        assert verdict_with(world, question, [*rows, *foreign]) == verdict_of(world, question)


def test_one_more_deny_never_grants():
    """Whatever deny is added, what was refused stays refused."""
    for world, question in questions(Random(4), 1_000):
        rows = world.layer.rows
        denied = [row._replace(eft="deny", condition="always", terms="none") for row in rows]

        assert not verdict_with(world, question, [*rows, *denied]) or verdict_of(world, question)
