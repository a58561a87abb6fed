"""What the rows of the policy bench are measured on: 200 partners with ten rules of full width, and questions to them.

So many that a decision finds its rules outside the processor's nearest caches, as it would in a town.

Full width: who, which cameras, acts, purposes, both dates, a weekly window, a condition with origins and moving, and
every bound of the terms: about 20 comparisons where a rule fits. Half of the questions satisfy a rule, the others miss
one in one thing.
"""

import dataclasses
from datetime import timedelta
from functools import cache
from random import Random

from policies.model import Policy, Rule
from policies.vocabulary import Act, Effect, Purpose
from tests.policies.build import NOW, envelope
from tests.policies.engines import Question, World
from tests.policies.generate import GRANTEES, HISTORY_MS, directed, random_policy, random_rule

RULES = 10
GROUNDS = (Purpose.VIOLENT_CRIME, Purpose.LIFE_SAFETY, Purpose.INVESTIGATION)


def full_rule(dice: Random, name: str) -> Rule:
    """A rule in which every field binds."""
    made = random_rule(dice, name)
    is_deny = made.effect is Effect.DENY
    return dataclasses.replace(
        made,
        grantee=dice.choice(GRANTEES[1:4]),
        purposes=frozenset(dice.sample(GROUNDS, 2)),
        window=dice.choice(("w1", "w1", "w2")),
        condition="always" if is_deny else dice.choice(("near:700", "near:700", "any", "ask")),
        terms="none" if is_deny else dice.choice(("t", "around")),
        from_ms=_ms(-60),
        until_ms=_ms(60),
    )


def full_policy(dice: Random, rules: int = RULES) -> Policy:
    """A partner with full rules, and terms of which every number binds."""
    held = random_policy(dice)
    terms = tuple(
        dataclasses.replace(one, around_s=one.around_s or 1800, history_from_ms=HISTORY_MS) for one in held.terms
    )
    return dataclasses.replace(
        held,
        rules=tuple(full_rule(dice, f"r{number}") for number in range(rules)),
        terms=terms,
        envelope=envelope(agencies=frozenset({"age_1", "age_2"})),
    )


def questions(dice: Random, world: World, count: int) -> list[Question]:
    """Questions to one partner, none of which a layer before the owner's rules stops."""
    made: list[Question] = []
    while len(made) < count:
        asked, facts = directed(dice, world.policy)
        if asked.purpose in GROUNDS and asked.act is not Act.SHARE_FORWARD and asked.partner == world.policy.partner:
            made.append(world.question(asked, facts))
    return made


@cache
def partners(count: int = 200, each: int = 20) -> list[tuple[World, list[Question]]]:
    """Partners with their questions; every engine has given the oracle's answer to each of them."""
    dice, made = Random(26), []
    for _ in range(count):
        world = World(full_policy(dice))
        made.append((world, questions(dice, world, each)))
        for question in made[-1][1]:
            difference = world.difference(question)
            if difference:
                raise AssertionError(difference)
    return made


def _ms(days: int) -> int:
    return round((NOW + timedelta(days=days)).timestamp() * 1000)
