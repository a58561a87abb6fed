"""Kernel, our Casbin enforcer, stock pycasbin and an independent oracle give one answer."""

from random import Random

import casbin
import pytest

from policies import kernel, matching, models
from policies.heads import asked_caps, sharing_head
from policies.kernel import Kernel, compile_matcher, read_model
from policies.layers import SharingLayer
from policies.model import Policy
from policies.request import Facts, Request
from tests.policies.generate import directed, oracle, random_policy

CASES = 4_000
STOCK_EVERY = 6  # stock pycasbin parses its matcher on each call


def cases(seed: int, count: int) -> list[tuple[SharingLayer, Policy, Request, Facts]]:
    """Policies with five requests each."""
    dice, made = Random(seed), []
    while len(made) < count:
        held = random_policy(dice)
        layer = SharingLayer(held)
        made += [(layer, held, *directed(dice, held)) for _ in range(5)]
    return made


def stock(layer: SharingLayer) -> casbin.Enforcer:
    """Stock pycasbin, as it comes, with our predicates registered."""
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=models.text("sharing")))
    for name, function in matching.FUNCTIONS.items():
        enforcer.add_function(name, function)
    for row in layer.rows:
        enforcer.add_policy(*row)
    return enforcer


def test_four_engines_agree():
    """On thousands of directed cases, both answers and the deciding rule are the oracle's."""
    allowed = 0
    for index, (layer, held, asked, facts) in enumerate(cases(1, CASES)):
        head = sharing_head(layer, asked, facts, caps=asked_caps(asked))
        is_allowed, rule = oracle(held, asked, facts)
        verdict = layer.judges.kernel.verdict(head)

        assert verdict.is_allowed == is_allowed, (held.rules, asked, facts)
        assert ("" if verdict.row is None else layer.rows[verdict.row].rid) == rule
        assert layer.judges.enforcer.permits(head) is is_allowed
        if index % STOCK_EVERY == 0:
            assert stock(layer).enforce(*head) is is_allowed
        allowed += is_allowed
    assert CASES * 0.2 < allowed < CASES * 0.6  # the generator is worth something only if both answers are common


MATCHER = read_model(models.text("sharing")).matcher
TERMS = [term.strip() for term in MATCHER.split("&&")]
MUTANTS = {
    **{f"without {term.partition('(')[0]}": " && ".join(t for t in TERMS if t != term) for term in TERMS},
    **{
        f"or before {TERMS[index].partition('(')[0]}": " && ".join(TERMS[:index]) + " || " + " && ".join(TERMS[index:])
        for index in range(1, len(TERMS))
    },
    "other partner": MATCHER.replace("r.dom == p.dom", "r.dom != p.dom"),
    "every rule an allow": MATCHER.replace("p.act, p.eft", "p.act, 'allow'"),
    "every rule a deny": MATCHER.replace("p.act, p.eft", "p.act, 'deny'"),
    "origins forgotten": MATCHER.replace("p.condition, p.origin", "p.condition, 'cad|alert|hand|planned|moved'"),
}
PREDICATE_MUTANTS = {
    "substring acts": ("acts", lambda needed, field, effect: any(act in field for act in needed)),
    "window edge": ("window", lambda ctx, field: field == "always" or ctx.is_any_time or _late(ctx, field)),
    "dates ignored at the end": ("dates", lambda ctx, field: matching.dates(ctx, field.partition("/")[0] + "/")),
    "terms never bind": ("terms", lambda _ctx, _field: True),
    "condition never binds": ("condition", lambda _ctx, _field, _origins: True),
}


def _late(ctx: matching.Ctx, field: str) -> bool:
    """A window that stays open one minute too long."""
    window = ctx.windows[field]
    minute = matching.hours.minute_of_week(ctx.now, window.zone)
    return any(start <= minute <= end for start, end in window.spans)


@pytest.fixture(scope="module")
def sample() -> list[tuple[SharingLayer, Policy, Request, Facts]]:
    """Cases on which the mutants are tried."""
    return cases(2, 2_500)


def is_killed(matches, sample) -> bool:
    """Whether some case tells the mutant from the oracle."""
    for layer, held, asked, facts in sample:
        head = sharing_head(layer, asked, facts, caps=asked_caps(asked))
        found = [row for row in layer.rows if matches(head, row)]
        is_allowed = bool(found) and all(row.eft == "allow" for row in found)
        if is_allowed != oracle(held, asked, facts)[0]:
            return True
    return False


@pytest.mark.parametrize("name", MUTANTS)
def test_a_changed_matcher_is_noticed(name, sample):
    """Each mutant of the matcher's text gives a wrong answer to some directed case."""
    model = read_model(models.text("sharing"))
    mutant = kernel.Model(model.request, model.policy, model.effect, MUTANTS[name])

    assert is_killed(compile_matcher(mutant), sample)


@pytest.mark.parametrize("name", PREDICATE_MUTANTS)
def test_a_changed_predicate_is_noticed(name, sample, monkeypatch):
    """Each mutant of a predicate gives a wrong answer to some directed case."""
    predicate, mutant = PREDICATE_MUTANTS[name]
    monkeypatch.setitem(matching.FUNCTIONS, predicate, mutant)

    assert is_killed(compile_matcher(read_model(models.text("sharing"))), sample)


def test_the_unchanged_matcher_survives(sample):
    """The harness itself finds no difference where there is none."""
    assert not is_killed(compile_matcher(read_model(models.text("sharing"))), sample)


def test_the_order_of_rules_changes_no_answer(sample):
    """Only terms depend on the order; whether it is allowed does not."""
    for layer, _held, asked, facts in sample[:500]:
        head = sharing_head(layer, asked, facts, caps=asked_caps(asked))

        assert (
            Kernel("sharing", layer.rows[::-1]).verdict(head).is_allowed == layer.judges.kernel.verdict(head).is_allowed
        )
