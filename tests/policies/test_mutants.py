"""Every small error in the law is noticed: each mutant gives a wrong answer to some directed case.

Mutated are the matcher's text, each predicate, the facts that are put into a request, and the effect. The one mutant
that nobody can notice is listed with the reason.
"""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

import pytest

from policies import heads, matching, models
from policies.geo import CELL_E6, Point, distance_m
from policies.heads import asked_caps, sharing_head
from policies.layers import SharingLayer, names_in
from policies.matcher import Model, Read, compile_matcher, read_model
from policies.matching import Ctx, Head, Hours, prepared
from policies.parts import Terms
from policies.request import Caps, Facts, Request
from policies.vocabulary import Act
from tests.policies import oracle
from tests.policies.build import NOW
from tests.policies.generate import directed, random_policy
from tests.policies.plain import case_of

CASES = 4_000
Effect = Callable[[list[str]], bool]
MODEL = read_model(models.text("sharing"))
TERMS = [term.strip() for term in MODEL.matcher.split("&&")]


class Case(NamedTuple):
    """One question with the oracle's answer."""

    layer: SharingLayer
    rows: tuple[Read, ...]
    asked: Request
    facts: Facts
    head: Head
    is_allowed: bool


@pytest.fixture(scope="module")
def sample() -> list[Case]:
    """The cases on which the mutants are tried, five to a policy."""
    dice, made = Random(2), []
    for _ in range(CASES // 5):
        held = random_policy(dice)
        layer, document = SharingLayer(held), held.to_document()
        rows = tuple(prepared(MODEL.policy, row, names_in(held)) for row in layer.rows)
        for _ in range(5):
            asked, facts = directed(dice, held)
            head = sharing_head(layer, asked, facts, caps=asked_caps(asked))
            made.append(Case(layer, rows, asked, facts, head, oracle.owner(document, case_of(asked, facts))[0]))
    return made


def allow_and_no_deny(effects: list[str]) -> bool:
    """The effect as it is."""
    return bool(effects) and "deny" not in effects


def is_killed(
    sample: list[Case], *, effect: Callable[[list[str]], bool] = allow_and_no_deny, model: Model = MODEL
) -> bool:
    """Whether some case tells the mutant from the oracle; an error counts as noticed."""
    matches = compile_matcher(model).matches
    try:
        return any(
            effect([row[-1] for row in one.rows if matches(one.head, row)]) is not one.is_allowed for one in sample
        )
    except (TypeError, AttributeError):
        return True
    return False


def test_nothing_is_noticed_where_nothing_is_changed(sample):
    """The harness itself finds no difference."""
    assert not is_killed(sample)


MATCHERS = {
    **{f"without {term}": " && ".join(other for other in TERMS if other != term) for term in TERMS},
    **{
        f"or before {TERMS[at]}": " && ".join(TERMS[:at]) + " || " + " && ".join(TERMS[at:])
        for at in range(1, len(TERMS))
    },
    "another partner": MODEL.matcher.replace("r.dom == p.dom", "r.dom != p.dom"),
    "a scope among callers": MODEL.matcher.replace("p.scope in r.obj", "p.scope in r.sub"),
    "a grantee among cameras": MODEL.matcher.replace("p.grantee in r.sub", "p.grantee in r.obj"),
    "every rule an allow": MODEL.matcher.replace("p.act, p.eft", "p.act, 'allow'"),
    "every rule a deny": MODEL.matcher.replace("p.act, p.eft", "p.act, 'deny'"),
    "origins of the condition": MODEL.matcher.replace("p.condition, p.origin", "p.condition, p.act"),
    "purposes of acts": MODEL.matcher.replace("r.ctx, p.purpose", "r.ctx, p.act"),
    **{f"not {term}": MODEL.matcher.replace(term, f"!({term})") for term in TERMS},
}


@pytest.mark.parametrize("name", MATCHERS)
def test_a_changed_matcher_is_noticed(name, sample):
    """A term dropped, negated, joined by `or`, or looking at another field."""
    assert is_killed(sample, model=dataclasses.replace(MODEL, matcher=MATCHERS[name]))


def _terms_without(bound: str) -> Callable[[Ctx, Terms | None], bool]:
    """The terms with one bound so wide that it never binds."""
    loose = {"history_from_ms": 0, "around_s": None}.get(bound, 10**9)
    return lambda ctx, field: matching.terms(ctx, field and dataclasses.replace(field, **{bound: loose}))


def _terms_tighter(bound: str) -> Callable[[Ctx, Terms | None], bool]:
    """The terms with one bound off by one: what lies on it is refused."""
    by = 1 if bound == "history_from_ms" else -1

    def terms(ctx: Ctx, field: Terms | None) -> bool:
        if field is None or getattr(field, bound) is None:
            return matching.terms(ctx, field)
        return matching.terms(ctx, dataclasses.replace(field, **{bound: getattr(field, bound) + by}))

    return terms


def _shifted(minutes: int) -> Callable[[Ctx, Hours | None], bool]:
    """Windows that open and close later or earlier."""

    def window(ctx: Ctx, field: Hours | None) -> bool:
        clocks = matching.Clocks(NOW)
        clocks.update({zone: (ctx.clocks[zone] - minutes) % 10_080 for zone in ("America/Chicago", "Europe/Berlin")})
        return matching.window(dataclasses.replace(ctx, clocks=clocks), field)

    return window


def _told(**changes: Any) -> Callable[[Ctx, Any, frozenset[str]], bool]:
    """An incident seen otherwise than it is."""
    return lambda ctx, field, origins: matching.condition(
        dataclasses.replace(ctx, told=ctx.told and dataclasses.replace(ctx.told, **changes)), field, origins
    )


def _held(word: str, *, is_there: bool) -> Callable[[Ctx, Any, frozenset[str]], bool]:
    """A condition that always holds, or never."""

    def condition(ctx: Ctx, field: Any, origins: frozenset[str]) -> bool:
        holding = ctx.holding | {word} if is_there else ctx.holding - {word}
        return matching.condition(dataclasses.replace(ctx, holding=holding), field, origins)

    return condition


PREDICATES: dict[str, tuple[str, Callable[..., bool]]] = {
    "an allow of one act is enough": ("acts", lambda needed, field, _effect: not field.isdisjoint(needed)),
    "a deny needs all acts": ("acts", lambda needed, field, _effect: needed <= field),
    "any purpose": ("purpose", lambda _ctx, _field: True),
    "ends a moment late": ("dates", lambda ctx, field: field[0] <= ctx.now_ms <= field[1]),
    "begins a moment late": ("dates", lambda ctx, field: field[0] < ctx.now_ms < field[1]),
    "never ends": ("dates", lambda ctx, field: field[0] <= ctx.now_ms),
    "has always begun": ("dates", lambda ctx, field: ctx.now_ms < field[1]),
    "opens a minute late": ("window", _shifted(1)),
    "opens a minute early": ("window", _shifted(-1)),
    "another zone": ("window", _shifted(60)),
    "always open": ("window", lambda _ctx, _field: True),
    "open when closed": ("window", lambda ctx, field: field is None or not matching.window(ctx, field)),
    "any condition": ("condition", lambda _ctx, _field, _origins: True),
    "always is never": ("condition", _held("always", is_there=False)),
    **{f"{word} holds": ("condition", _held(word, is_there=True)) for word in ("ask", "panic", "two_persons")},
    **{f"{word} never holds": ("condition", _held(word, is_there=False)) for word in ("ask", "panic", "two_persons")},
    "near anywhere": ("condition", _told(distance_m=0)),
    "never near": ("condition", _told(distance_m=10**6)),
    "nearer than": (
        "condition",
        lambda ctx, field, origins: matching.condition(ctx, field - 1 if isinstance(field, int) else field, origins),
    ),
    "moving does not matter": ("condition", _told(has_moved=False)),
    "everything moved": ("condition", _told(has_moved=True)),
    "only calls count": ("condition", lambda ctx, field, origins: matching.condition(ctx, field, origins & {"cad"})),
    "every origin counts": (
        "condition",
        lambda ctx, field, origins: matching.condition(ctx, field, origins | {"cad", "alert", "hand", "planned"}),
    ),
    "any terms": ("terms", lambda _ctx, _field: True),
    **{
        f"no {bound}": ("terms", _terms_without(bound))
        for bound in ("session_s", "clip_s", "hold_s", "look_back_s", "around_s", "height_lines", "history_from_ms")
    },
    **{
        f"{bound} off by one": ("terms", _terms_tighter(bound))
        for bound in ("session_s", "clip_s", "hold_s", "look_back_s", "around_s", "height_lines", "history_from_ms")
    },
}


@pytest.mark.parametrize("name", PREDICATES)
def test_a_changed_predicate_is_noticed(name, sample, monkeypatch):
    """An edge off by one, a bound forgotten, `any` for `all`."""
    predicate, mutant = PREDICATES[name]
    monkeypatch.setitem(matching.FUNCTIONS, predicate, mutant)

    assert is_killed(sample)


EFFECTS: dict[str, Effect] = {
    "an allow overrides": lambda effects: "allow" in effects,
    "allowed unless denied": lambda effects: "deny" not in effects,
    "the first decides": lambda effects: effects[:1] == ["allow"],
    "the last decides": lambda effects: effects[-1:] == ["allow"],
    "nothing is allowed": lambda _effects: False,
}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_changed_effect_is_noticed(name, sample):
    """Deny always wins, whatever stands first."""
    assert is_killed(sample, effect=EFFECTS[name])


def _nearest_corner_m(camera: Point, cell: Any) -> int:
    corners = [Point((cell.lat + i) * CELL_E6, (cell.lon + j) * CELL_E6) for i in (0, 1) for j in (0, 1)]
    return round(min(distance_m(camera, corner) for corner in corners))


def _without_ranges(asked: Request) -> Caps:
    return asked.caps


def _until_and_at(asked: Request, facts: Facts) -> frozenset[str]:
    held = {"always"} | ({"two_persons"} if facts.is_second_person_present else set())
    if facts.approval is not None and facts.approval.act == asked.act and asked.now <= facts.approval.until:
        held.add("ask")
    return frozenset(held | ({"panic"} if facts.panic_until and asked.now <= facts.panic_until else set()))


def _any_approval(asked: Request, facts: Facts) -> frozenset[str]:
    approval = facts.approval and dataclasses.replace(facts.approval, act=asked.act)
    return _HOLDING(asked, dataclasses.replace(facts, approval=approval))


_HOLDING = heads._holding
FACTS: dict[str, tuple[str, Any]] = {
    "the nearest corner": ("far_edge_m", _nearest_corner_m),
    "closed incidents count live": ("RANGE_ACTS", frozenset(Act)),
    "closed incidents never count": ("RANGE_ACTS", frozenset[Act]()),
    "the length of the range is forgotten": ("asked_caps", _without_ranges),
    "a yes holds a moment longer": ("_holding", _until_and_at),
    "a yes to one act is a yes to all": ("_holding", _any_approval),
    "clocks of an hour ago": ("Clocks", lambda now: matching.Clocks(now - timedelta(hours=1))),
}


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_that_is_taken_wrongly_is_noticed(name, sample, monkeypatch):
    """The distance, the clock, the owner's yes, the length of a range."""
    what, mutant = FACTS[name]
    monkeypatch.setattr(heads, what, mutant)
    taken = [
        one._replace(head=sharing_head(one.layer, one.asked, one.facts, caps=heads.asked_caps(one.asked)))
        for one in sample
    ]

    assert is_killed(taken)


# Nobody can tell these from the law; if a test here fails, a word was added that makes the difference.
EQUIVALENT: dict[str, tuple[str, Callable[..., bool]]] = {
    # No act's name contains another's (held by a test of the vocabulary), so parts of words find what words find.
    "acts by substring": (
        "acts",
        lambda needed, field, effect: (all if effect == "allow" else any)(
            any(act in word for word in field) for act in needed
        ),
    ),
}


@pytest.mark.parametrize("name", EQUIVALENT)
def test_an_equivalent_mutant_stays_equivalent(name, sample, monkeypatch):
    """What cannot be noticed is listed, with the reason."""
    predicate, mutant = EQUIVALENT[name]
    monkeypatch.setitem(matching.FUNCTIONS, predicate, mutant)

    assert not is_killed(sample)
