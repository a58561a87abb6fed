"""One owner's document in every engine: kernel, our enforcer, pycasbin as it comes, Cedar, and the oracle."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from random import Random
from typing import NamedTuple

import casbin

from policies import matching, models
from policies.heads import asked_caps, sharing_head
from policies.layers import SharingLayer, names_in
from policies.matcher import NOTHING, Row, read_model
from policies.matching import Head, Names
from policies.model import Policy
from policies.request import Facts, Request
from tests.policies import oracle
from tests.policies.cedar import Cedar
from tests.policies.generate import directed, random_policy
from tests.policies.plain import Case, case_of


def stock(name: str, rows: Iterable[Row], names: Names = NOTHING) -> casbin.Enforcer:
    """Pycasbin as it comes: rules as text through its own door, our predicates reading that text."""
    model = read_model(models.text(name))
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=models.text(name)))
    for predicate, fields in re.findall(r"(\w+)\(r\.\w+, ([^)]*)\)", model.matcher):
        tokens = tuple(field.strip().removeprefix("p.") for field in fields.split(","))
        enforcer.add_function(predicate, _reading(matching.FUNCTIONS[predicate], tokens, names))
    for row in rows:
        enforcer.add_policy(*row)
    return enforcer


def _reading(predicate: Callable[..., bool], tokens: tuple[str, ...], names: Names) -> Callable[..., bool]:
    read = cache(lambda *fields: matching.prepared(tokens, fields, names))
    return lambda about, *fields: predicate(about, *read(*fields))


class Question(NamedTuple):
    """One question in every form."""

    asked: Request
    facts: Facts
    head: Head
    case: Case


class World:
    """One document in every engine."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.document = policy.to_document()
        self.layer = SharingLayer(policy)
        self.stock = stock("sharing", self.layer.rows, names_in(policy))
        self.cedar = Cedar(self.document)

    def question(self, asked: Request, facts: Facts) -> Question:
        """A question to this document."""
        head = sharing_head(self.layer, asked, facts, caps=asked_caps(asked))
        return Question(asked, facts, head, case_of(asked, facts))

    def difference(self, question: Question) -> str:
        """Which engine differs from the oracle, and how; empty where all agree."""
        is_allowed, rule = oracle.owner(self.document, question.case)
        verdict = self.layer.judges.kernel.verdict(question.head)
        named = "" if verdict.row is None else self.layer.rows[verdict.row].rid
        answers = {
            "kernel": verdict.is_allowed,
            "enforcer": self.layer.judges.enforcer.permits(question.head),
            "pycasbin": self.stock.enforce(*question.head),
            "cedar": self.cedar.allows(question.case),
        }
        wrong = [name for name, answer in answers.items() if answer is not is_allowed]
        wrong += ["the kernel's rule"] if named != rule else []
        return "" if not wrong else f"{', '.join(wrong)} against {is_allowed} by {rule!r}: {question.case}"


def questions(dice: Random, count: int, per_policy: int = 20) -> Iterator[tuple[World, Question]]:
    """Directed questions, some for each of many random documents."""
    for _ in range(-(-count // per_policy)):
        world = World(random_policy(dice))
        for _ in range(per_policy):
            yield world, world.question(*directed(dice, world.policy))
