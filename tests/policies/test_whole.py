"""A whole decision, all layers of it, is what the oracle says; and each layer can only narrow."""

import dataclasses
from collections import Counter
from random import Random

from policies.decide import decide, preview
from policies.layers import GuardrailLayer, Layers, SharingLayer
from policies.obligations import to_json, unmet
from policies.request import Deny, Invariants, Permit, Place
from policies.vocabulary import Act, Layer, Purpose
from tests.policies import oracle
from tests.policies.build import envelope, policy, rule, terms
from tests.policies.plain import case_of
from tests.policies.worlds import EVERYBODY, OPEN_PACK, in_words, random_question, random_world

CASES = 4_000


def questions(seed: int, count: int):
    """Random layers with eight questions each."""
    dice = Random(seed)
    for _ in range(count // 8):
        layers, world, held = random_world(dice)
        for _ in range(8):
            asked, facts = random_question(dice, held)
            yield dataclasses.replace(layers, facts=facts), world, asked, case_of(asked, facts)


def test_a_whole_decision_is_what_the_oracle_says():
    """Layer that denies, or caps, obligations and deciding rules: the same, for release and for preview alike."""
    seen = Counter[str]()
    for layers, world, asked, case in questions(1, CASES):
        is_permitted, what = oracle.whole(world, case)
        answer = decide(layers, asked)
        seen["permit" if is_permitted else what] += 1

        assert preview(layers, asked) == answer
        if is_permitted:
            assert isinstance(answer, Permit), (answer, asked)
            assert in_words(answer) == what
        else:
            assert isinstance(answer, Deny)
            assert (answer.layer, answer.is_alarm) == (what, False), (answer, asked)
    assert set(seen) == {"permit", *Layer}
    assert seen["permit"] > CASES / 10


def wider(layers: Layers) -> dict[str, Layers]:
    """The same with one layer made as wide as it can be."""
    wide = envelope(agencies=frozenset({"age_1", "age_2"}), session_s=43_200, clip_s=86_400, height_lines=4320)
    first = layers.sharing[0]
    opened = dataclasses.replace(first.policy, envelope=wide, guardrail=OPEN_PACK.digest)
    found = {
        "invariants": dataclasses.replace(layers, invariants=Invariants(is_camera_present=True)),
        "envelope": dataclasses.replace(layers, envelope=wide),
        "one document": dataclasses.replace(layers, sharing=(first,)),
        "guardrail": dataclasses.replace(
            layers,
            guardrail=GuardrailLayer(OPEN_PACK),
            sharing=tuple(
                SharingLayer(dataclasses.replace(one.policy, guardrail=OPEN_PACK.digest)) for one in layers.sharing
            ),
        ),
        "all of them": Layers.at_site(
            invariants=Invariants(is_camera_present=True),
            guardrail=GuardrailLayer(OPEN_PACK),
            sharing=SharingLayer(opened),
            facts=layers.facts,  # type: ignore[arg-type]
        ),
    }
    if layers.place is Place.CENTRE:
        found["agency"] = dataclasses.replace(layers, agency=EVERYBODY)
    return found


def test_every_layer_only_narrows():
    """What is permitted stays permitted, with no smaller caps and no stricter duties, when any one layer is opened."""
    permits = 0
    for layers, _world, asked, _case in questions(2, CASES // 2):
        answer = preview(layers, asked)
        if not isinstance(answer, Permit):
            continue
        permits += 1
        for name, other in wider(layers).items():
            opened = preview(other, asked)
            assert isinstance(opened, Permit), (name, opened, asked)
            assert opened.caps.seconds >= answer.caps.seconds, name
            assert opened.caps.height_lines >= answer.caps.height_lines, name
            assert unmet(opened.obligations, to_json(answer.obligations)) == "", name
    assert permits > 200


def test_no_owner_can_allow_what_an_ordinance_forbids():
    """A rule that allows everybody everything changes no answer of the ordinance."""
    generous = rule(acts=frozenset(Act), purposes=frozenset(Purpose))
    denied = 0
    for layers, _world, asked, _case in questions(3, CASES // 2):
        answer = preview(layers, asked)
        if isinstance(answer, Deny) and answer.layer is Layer.GUARDRAIL:
            denied += 1
            first = layers.sharing[0].policy
            open_handed = dataclasses.replace(
                policy(generous, terms=(terms(session_s=43_200, height_lines=4320),)),
                tags=first.tags, guardrail=first.guardrail, cameras=first.cameras,
            )  # fmt: skip
            other = preview(
                dataclasses.replace(layers, sharing=(SharingLayer(open_handed), *layers.sharing[1:])), asked
            )
            assert isinstance(other, Deny)
            assert other.layer is Layer.GUARDRAIL
    assert denied > 50
