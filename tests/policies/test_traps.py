"""The ways in which stock pycasbin fails open, each held shut."""

import contextlib
import dataclasses
import importlib.metadata
import logging
import pickle
import sys
import threading
from pathlib import Path

import casbin
import pytest

from policies import layers, matcher, matching, models, packs
from policies.decide import decide
from policies.enforcer import Enforcer
from policies.heads import asked_caps, sharing_head
from policies.kernel import Kernel
from policies.layers import SharingLayer, names_in
from policies.matcher import ALLOW_AND_NO_DENY, NO_DENY, ModelError, checked_tree, read_model
from policies.matching import Head
from policies.parts import PolicyError, read_rule
from policies.request import Deny, Facts
from policies.vocabulary import Act, Effect, Reason
from tests.policies.build import at_site, deny, policy, request, rule

OPEN = "[request_definition]\nr = sub, dom, obj, act, ctx\n[policy_definition]\np = act, eft\n[policy_effect]\ne = {}\n"


def head_of(layer: SharingLayer) -> Head:
    """An ordinary request to a layer."""
    return sharing_head(layer, request(), Facts(), caps=asked_caps(request()))


@pytest.mark.parametrize("name", ["guardrail", "sharing", "agency"])
def test_no_rules_at_all_is_a_deny(name):
    """Trap 1: stock pycasbin runs the matcher once with blank fields; both our engines deny."""
    head = head_of(SharingLayer(policy()))

    assert not Enforcer(name, ()).permits(head)
    assert not Kernel(name, ()).verdict(head).is_allowed


def test_a_second_effect_is_refused():
    """Trap 2: numbered sections are silently ignored, so a model that has one does not load."""
    text = models.text("sharing").replace("[matchers]", f"[policy_effect]\ne2 = {NO_DENY}\n[matchers]")

    with pytest.raises(ModelError):
        read_model(text)


def test_a_misspelt_effect_is_refused():
    """Trap 3: `Deny` is not a deny to pycasbin; no document and no engine takes it."""
    layer = SharingLayer(policy(rule()))
    bad = layer.rows[0]._replace(eft="Deny")
    document = policy(rule()).to_document()["rules"][0] | {"effect": "Deny"}

    with pytest.raises(PolicyError, match="effect"):
        read_rule(document, "rule")
    for engine in (Kernel, Enforcer):
        with pytest.raises(ModelError):
            engine("sharing", [bad])


def test_rules_never_change_under_a_running_request():
    """Trap 4: reloading in place lets requests through; our rows cannot be added to, removed or reloaded."""
    layer = SharingLayer(policy(deny(), rule()))
    held = layer.judges.enforcer._casbin

    for change in (
        lambda: held.add_policy(*layer.rows[1]._replace(rid="x")),
        lambda: held.remove_policy(*layer.rows[0]),
        lambda: held.remove_policies([list(layer.rows[0])]),
        held.load_policy,
        held.clear_policy,
    ):
        with contextlib.suppress(AttributeError, TypeError, NotImplementedError, pickle.PicklingError):
            change()
        assert not layer.judges.enforcer.permits(head_of(layer))


def test_swapping_snapshots_under_load_lets_nothing_through():
    """Trap 4: a thread that swaps whole snapshots never makes a denied request pass."""
    snapshots = [SharingLayer(policy(deny(), rule())), SharingLayer(policy(rule(), deny()))]
    current, wrong, stop = [snapshots[0]], [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            layer = current[0]
            if layer.judges.enforcer.permits(head_of(layer)):
                wrong.append(layer)

    thread, interval = threading.Thread(target=ask), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    for index in range(2_000):
        current[0] = snapshots[index % 2]
    stop.set()
    thread.join(10)
    sys.setswitchinterval(interval)
    assert not wrong


def test_an_enforcer_that_somebody_disabled_denies():
    """Trap 5: `enable_enforce(False)` allows everything in stock pycasbin."""
    layer = SharingLayer(policy(rule()))
    assert layer.judges.enforcer.permits(head_of(layer))

    layer.judges.enforcer._casbin.enable_enforce(False)

    assert not layer.judges.enforcer.permits(head_of(layer))
    answer = decide(at_site(policy(rule()), sharing=layer), request())
    assert isinstance(answer, Deny)
    assert (answer.reason, answer.is_alarm) == (Reason.DISAGREEMENT, True)


def test_nothing_of_ours_disables_reloads_or_evaluates():
    """Traps 4 to 7: no source of ours calls what opens Casbin, and no model names its text predicates."""
    root = Path(models.__file__).parents[2]
    sources = [path for folder in ("gateway", "policies", "partner_agent") for path in (root / folder).rglob("*.py")]
    banned = ("enable_enforce(", "load_filtered_policy(", "remove_policies(", "enable_auto_save(", "EnforceContext")
    for path in sources:
        text = path.read_text()
        assert not [word for word in banned if word in text], path
    for name in ("guardrail", "sharing", "agency"):
        assert not [word for word in ("eval(", "Match(", "keyGet") if word in models.text(name)]


def test_a_rule_with_the_wrong_number_of_fields_is_refused():
    """Trap 6: adapters cut a rule of more than six fields short; we use none, and count."""
    row = SharingLayer(policy(rule())).rows[0]

    for engine in (Kernel, Enforcer):
        for bad in (row[:6], (*row, "more")):
            with pytest.raises(ModelError):
                engine("sharing", [bad])


def test_a_comma_in_a_field_stays_in_its_field():
    """Trap 6: policy text is split on commas; our rows never pass through text."""
    held = policy(deny(acts=frozenset(Act)), rule())
    row = SharingLayer(held).rows[0]._replace(rid="a, b")

    enforcer = Enforcer("sharing", [row, SharingLayer(held).rows[1]], names_in(held))

    assert not enforcer.permits(head_of(SharingLayer(held)))


def test_removing_two_rules_removes_two_rules():
    """Trap 7: adapters delete the cross product of what was named; a new policy here is a new layer, whole."""
    before = policy(rule("a"), rule("b"), deny("c", scope="camera:cam_2"), rule("d"))
    after = dataclasses.replace(before, rules=(before.rules[1], before.rules[2]))

    assert [row.rid for row in SharingLayer(after).rows] == ["b", "c"]


def test_a_matcher_that_answers_no_truth_value_is_a_deny_with_an_alarm(monkeypatch):
    """An engine that raises, or answers anything but True or False, releases nothing."""
    for answer in (None, 1, "yes"):
        monkeypatch.setitem(matching.FUNCTIONS, "terms", lambda _ctx, _field, answer=answer: answer)
        matcher.load.cache_clear()
        layer = SharingLayer(policy(rule()))
        decided = decide(at_site(policy(rule()), sharing=layer), request())

        assert isinstance(decided, Deny)
        assert decided.is_alarm
    monkeypatch.undo()
    matcher.load.cache_clear()


def test_a_request_that_cannot_be_read_is_a_deny_with_an_alarm():
    """Whatever raises inside a decision, nothing is released."""
    answer = decide(at_site(policy(rule())), request(subject=None))

    assert isinstance(answer, Deny)
    assert (answer.reason, answer.is_alarm) == (Reason.ERROR, True)


def test_a_rule_that_names_what_is_not_there_is_refused():
    """A window or terms that the document does not define do not load, in either engine."""
    row = SharingLayer(policy(rule())).rows[0]

    for engine in (Kernel, Enforcer):
        for bad in (row._replace(window="nights"), row._replace(terms="t9"), row._replace(dates="x/")):
            with pytest.raises(ModelError):
                engine("sharing", [bad], names_in(policy(rule())))


def test_two_engines_that_differ_are_a_deny_with_an_alarm(monkeypatch):
    """Whichever of the two says yes, a disagreement releases nothing."""
    for is_kernel_wrong in (True, False):
        held = policy(rule(effect=Effect.DENY, terms="none")) if is_kernel_wrong else policy(rule())
        layer = SharingLayer(held)
        other = SharingLayer(policy(rule()) if is_kernel_wrong else policy())
        layer.judges.kernel = other.judges.kernel
        if not is_kernel_wrong:
            layer.judges.kernel = SharingLayer(policy(rule())).judges.kernel
            layer.judges.enforcer = other.judges.enforcer

        answer = decide(at_site(held, sharing=layer), request())

        assert isinstance(answer, Deny)
        assert (answer.reason, answer.is_alarm) == (Reason.DISAGREEMENT, True)


@pytest.mark.parametrize(
    "expression",
    [
        "eval(p_act)", "r_ctx.now", "[x for x in r_act]", "lambda: 1", "r_act[0]", "nobody(r_act)", "p_unknown", "(",
        "terms(r_ctx, field=p_act)", "p_act + p_act", "terms(r_ctx)(p_act)", "r_act in p_act", "p_act in 'a|b'",
        "p_act in r_act in r_obj", "p_act not in r_act",
    ],
)  # fmt: skip
def test_a_matcher_holds_only_the_closed_syntax(expression):
    """Attributes, subscripts, comprehensions, arithmetic, unknown names and functions do not compile."""
    with pytest.raises(ModelError):
        checked_tree(expression, {"r_act", "r_obj", "r_ctx", "p_act", "p_scope"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        OPEN.format(ALLOW_AND_NO_DENY),
        OPEN.format("some(where (p.eft == allow))") + "[matchers]\nm = acts(r.act, p.act, p.eft)\n",
        OPEN.format(NO_DENY).replace("p = act, eft", "p = eft, act") + "[matchers]\nm = acts(r.act, p.act, p.eft)\n",
        OPEN.format(NO_DENY) + "[matchers]\nm = acts(r.act, p.act, p.eft) # a comment inside is cut by casbin\n",
        OPEN.format(NO_DENY) + "[role_definition]\ng = _, _\n[matchers]\nm = acts(r.act, p.act, p.eft)\n",
    ],
)
def test_a_model_has_each_section_once_and_a_known_effect(text):
    """Missing, unknown or doubled sections and other effects do not load."""
    with pytest.raises(ModelError):
        read_model(text)


def test_a_model_without_a_term_on_acts_does_not_load(monkeypatch):
    """Rules are found by act: a matcher that does not look at it would lose rules."""
    text = models.text("agency").replace("acts(r.act, p.act, p.eft) && ", "")
    monkeypatch.setattr(models, "text", lambda _name: text)
    matcher.load.cache_clear()

    with pytest.raises(ModelError, match="act"):
        Kernel("agency", ())
    monkeypatch.undo()
    matcher.load.cache_clear()


def test_the_kernel_reads_what_casbin_reads():
    """Tokens and effect of each model are the same in both readers, and rows fit them."""
    for name in ("guardrail", "sharing", "agency"):
        ours, theirs = read_model(models.text(name)), casbin.Enforcer.new_model(text=models.text(name))

        assert [f"r_{token}" for token in ours.request] == list(theirs["r"]["r"].tokens)
        assert [f"p_{token}" for token in ours.policy] == list(theirs["p"]["p"].tokens)
        assert ours.effect.replace("p.eft", "p_eft") == theirs["e"]["e"].value
    assert layers.SharingRow._fields == read_model(models.text("sharing")).policy


def test_only_pycasbin_is_installed():
    """`casbin` and `pycasbin` share an import name; the old one would overwrite the new."""
    importlib.metadata.version("pycasbin")
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("casbin")


def test_nobody_who_asks_is_printed_in_a_log(caplog):
    """Casbin logs each request; ours stays silent, also after logging was configured anew."""
    with caplog.at_level(logging.DEBUG):
        layer = SharingLayer(policy(rule()))
        for name in ("casbin", "casbin.policy", "casbin.enforcer", "casbin.role"):
            logging.getLogger(name).disabled = False
        layer.judges.enforcer.permits(head_of(layer))

    assert caplog.records == []


def test_a_pack_without_its_sentinel_does_not_load():
    """An ordinance can never be empty."""
    document = packs.load_document("ordinances", "open_city/pack.json")

    with pytest.raises(PolicyError, match="sentinel"):
        packs.read_guardrail({**document, "rules": document["rules"][1:]})  # type: ignore[index]


def test_the_hook_takes_no_function_that_somebody_registered():
    """A predicate added to the enforcer does not reach the matcher."""
    layer = SharingLayer(policy(rule(purposes=frozenset({"fire"}))))  # type: ignore[arg-type]
    layer.judges.enforcer._casbin.add_function("purpose", lambda _ctx, _field: True)

    assert not layer.judges.enforcer.permits(head_of(layer))
