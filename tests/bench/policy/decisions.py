"""One decision against its peers: the kernel with reason and terms, with a record, and a whole release.

Equal footing: Cedar and Rego are given their policies parsed, and what Cedar is asked stands ready as Python values, as
the kernel's head does. `release_vs_cedarpy` starts from the request and does everything: layers, both engines, caps,
obligations, horizon. `request_vs_cedarpy` is the kernel's preview from the request, against Cedar with the time it
takes to put the request into Cedar's words.
"""

import hashlib

from policies.decide import decide, preview
from policies.explain import reason_of
from policies.kernel import Verdict
from policies.layers import Layers, SharingLayer
from policies.matching import Head
from policies.parts import Terms
from policies.replay import line, record
from policies.request import Facts, Request
from policies.vocabulary import Reason
from tests.bench.harness import Bench, Gate, Work
from tests.bench.policy import rego, stage
from tests.policies.build import at_centre, envelope
from tests.policies.engines import Question, World

Told = tuple[Verdict, Terms | Reason | None]


def told(layer: SharingLayer, head: Head) -> Told:
    """The kernel's decision with what an answer needs: the terms that were given, or why not."""
    verdict = layer.judges.kernel.verdict(head)
    if verdict.is_allowed and verdict.row is not None:
        return verdict, layer.policy.terms_by_id[layer.policy.rules[verdict.row].terms]
    return verdict, reason_of(layer, head, verdict)[0]


def run(bench: Bench) -> None:
    """The rows of single decisions."""
    many = [(world, question) for world, asked in stage.partners() for question in asked]
    one, asked = stage.partners()[0]
    cedar = _cedar(many)
    bench.faster("decide_vs_cedarpy", _kernel(many), cedar, Gate(">=", 25))
    bench.faster("release_vs_cedarpy", _release(many), cedar, Gate(">=", 0.5))
    mine = [(one, question) for question in asked]
    bench.faster("decide_vs_pycasbin", _kernel(mine), _stock(mine), Gate(">=", 40))
    bench.faster("decide_and_record_vs_cedarpy", _recorded(many), cedar, Gate(">=", 15))
    bench.faster("decide_vs_regorus", _kernel(many), rego.work(many), Gate(">=", 10))
    bench.faster("request_vs_cedarpy", _previewed(many), _cedar_from_request(many))
    bench.faster("casbin_vs_pycasbin", _enforcer(mine), _stock(mine), Gate(">=", 4))


def _kernel(cases: list[tuple[World, Question]]) -> Work:
    ready = [(world.layer, question.head) for world, question in cases]

    def work() -> int:
        for layer, head in ready:
            told(layer, head)
        return len(ready)

    return work


def _recorded(cases: list[tuple[World, Question]]) -> Work:
    """Decision, record, and its link in a chain of hashes."""
    ready = [(world.layer, question.head, question.asked.camera) for world, question in cases]
    document = "0" * 64

    def work() -> int:
        chain = b""
        for layer, head, camera in ready:
            verdict, _ = told(layer, head)
            kept = record(layer, ref="dec_1", document=document, camera=camera, head=head, verdict=verdict)
            chain = hashlib.sha256(chain + line(kept).encode()).digest()
        return len(ready)

    return work


def _cedar(cases: list[tuple[World, Question]]) -> Work:
    ready = [(world.cedar, *world.cedar.question(question.case)) for world, question in cases]

    def work() -> int:
        for cedar, request, entities in ready:
            cedar.ask(request, entities)
        return len(ready)

    return work


def _cedar_from_request(cases: list[tuple[World, Question]]) -> Work:
    ready = [(world.cedar, question.case) for world, question in cases]

    def work() -> int:
        for cedar, case in ready:
            cedar.allows(case)
        return len(ready)

    return work


def _stock(cases: list[tuple[World, Question]]) -> Work:
    ready = [(world.stock, question.head) for world, question in cases]

    def work() -> int:
        for enforcer, head in ready:
            enforcer.enforce(*head)
        return len(ready)

    return work


def _enforcer(cases: list[tuple[World, Question]]) -> Work:
    ready = [(world.layer.judges.enforcer, question.head) for world, question in cases]

    def work() -> int:
        for enforcer, head in ready:
            enforcer.permits(head)
        return len(ready)

    return work


def _at_centre(cases: list[tuple[World, Question]]) -> list[tuple[Layers, Request]]:
    wide = envelope(agencies=frozenset({"age_1", "age_2"}))
    return [(_layers(world, question.facts, wide), question.asked) for world, question in cases]


def _layers(world: World, facts: Facts, wide: object) -> Layers:
    return at_centre(world.policy, sharing=(world.layer,), facts=facts, envelope=wide)


def _release(cases: list[tuple[World, Question]]) -> Work:
    ready = _at_centre(cases)

    def work() -> int:
        for layers, asked in ready:
            decide(layers, asked)
        return len(ready)

    return work


def _previewed(cases: list[tuple[World, Question]]) -> Work:
    ready = _at_centre(cases)

    def work() -> int:
        for layers, asked in ready:
            preview(layers, asked)
        return len(ready)

    return work
