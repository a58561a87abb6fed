"""The solver in its process: the same verdicts as the search, true witnesses, and a proof of the composition.

And a way out of everything that can go wrong with a process.
"""

import dataclasses
import sys
from random import Random

import anyio
import pytest

from gateway.sharing.proof import answer
from gateway.sharing.prover import WAITING, Proved, Prover, Unproved, _read
from policies import packs
from policies.analysis import Edit, Judges, Verdict
from policies.decide import preview
from policies.layers import GuardrailLayer
from policies.narrowing import compare
from policies.request import Deny
from policies.smt import GOALS, question, witness_of
from policies.vocabulary import Reason
from tests.policies.build import NOW, PACK, at_site, policy, rule
from tests.policies.test_analysis import SERVICES, edits, granted

pytestmark = pytest.mark.anyio
NARROWER, WIDER = policy(rule(condition="near:300")), policy(rule(condition="near:600"))
EDIT = question(NARROWER, WIDER, PACK, since=NOW)


def solved(asked):
    """The solver's answer, in this process."""
    return answer({"text": asked.text, "goals": GOALS, "variables": dict(asked.variables), "timeout_ms": 20_000})


def test_solver_and_search_give_the_same_verdict_and_true_witnesses():
    """On 100 random edits; what the check of documents calls a narrowing is proved to widen nothing."""
    narrower = 0
    for old, new in edits(Random(81), 100):
        asked = question(old, new, PACK, since=NOW)
        found, difference = solved(asked), Edit(old, new, PACK, since=NOW).difference
        assert found["breach"] is None
        assert (found["wider"] is None) is (difference.widening is None)
        assert (found["narrower"] is None) is (difference.narrowing is None)
        for goal, giving, other in (("wider", new, old), ("narrower", old, new)):
            if found[goal] is not None:
                witness = witness_of(asked, found[goal])
                assert granted(giving, witness.request, witness.facts)
                assert not granted(other, witness.request, witness.facts)
        if compare(old, new).is_narrowing:
            narrower += 1
            assert found["wider"] is None
    assert narrower > 10


@pytest.mark.parametrize("name", ["live_24_hours", "no_federal_users"])
def test_under_other_ordinances_both_say_the_same(name):
    """One wants a second person, maybe together with the owner's yes; the other means some people only."""
    pack = packs.ordinance(name)
    federal = policy(rule(grantee="role:age_1/federal")), policy(rule(grantee="role:age_1/federal", condition="any"))
    for old, new in [federal, *edits(Random(82), 15)]:
        asked = question(old, new, pack, since=NOW)
        found, difference = solved(asked), Edit(old, new, pack, since=NOW).difference
        judges = Judges(old, new, GuardrailLayer(pack))
        assert difference.is_certain
        assert (found["wider"] is None) is (difference.widening is None)
        assert (found["narrower"] is None) is (difference.narrowing is None)
        for goal, is_new in (("wider", True), ("narrower", False)):
            assert found[goal] is None or judges.confirm(witness_of(asked, found[goal]), new=is_new)


@pytest.mark.parametrize("name", SERVICES)
def test_the_solver_knows_the_purposes_of_a_service_too(name):
    """The same verdict as the search, where the service's own purposes decide it."""
    old, new, verdict = SERVICES[name]
    found = solved(question(old, new, PACK, since=NOW))

    assert (found["wider"] is not None) is (verdict in {Verdict.WIDENS, Verdict.BOTH})
    assert (found["narrower"] is not None) is (verdict in {Verdict.NARROWS, Verdict.BOTH})


def test_without_an_old_policy_or_with_another_partners_everything_is_new():
    """Nothing was let through before."""
    for old in (None, dataclasses.replace(WIDER, partner="org_9")):
        found = solved(question(old, WIDER, PACK, since=NOW))
        assert found["wider"] is not None
        assert found["narrower"] is None


def test_an_agency_outside_the_agreement_gets_nothing():
    """A rule for it gives no request, whatever else it says."""
    stranger = policy(rule("s", grantee="agency:age_9"))

    assert solved(question(None, stranger, PACK, since=NOW))["wider"] is None


def test_whatever_an_owner_writes_nothing_forbidden_is_let_through():
    """Proved for any rules at all; a composition in which they could outvote the ordinance has a counter-example."""
    assert solved(EDIT)["breach"] is None

    outvoted = question(NARROWER, WIDER, PACK, since=NOW, composed="(or (not {forbidden}) {allowed})")
    found = witness_of(outvoted, solved(outvoted)["breach"]).request
    layers = at_site(WIDER)
    said = preview(layers, found)
    assert isinstance(said, Deny)
    assert said.reason is Reason.GUARDRAIL


def fake(program: str) -> list[str]:
    """A command that is a worker in name only."""
    return [sys.executable, "-c", program]


async def test_the_process_answers_one_question_after_another():
    """What is asked at once is answered in turn, with the verdict of each."""
    prover = Prover(deadline_s=20)
    found = []

    async def ask(asked):
        found.append(await prover.ask(asked))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, EDIT)
            tasks.start_soon(ask, question(WIDER, WIDER, PACK, since=NOW))
        await prover.close()
    assert [one.models["wider"] is None for one in found] == [False, True]
    assert found[0].models["breach"] is None


BROKEN = {
    "dies at once": ("pass", Unproved.BROKEN),
    "hangs": ("import time; time.sleep(60)", Unproved.LATE),
    "says nonsense": (r"import sys; sys.stdout.buffer.write(b'\0\0\0\\2{]'); sys.stdout.flush()", Unproved.BROKEN),
    "leaves a goal out": (r"import sys; sys.stdout.buffer.write(b'\0\0\0\\2{}'); sys.stdout.flush()", Unproved.BROKEN),
    "says too much": (r"import sys; sys.stdout.buffer.write(b'\xff' * 9); sys.stdout.flush()", Unproved.BROKEN),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_process_that_fails_is_given_up_in_time(name):
    """It is ended, and the caller told why there is no proof."""
    program, why = BROKEN[name]
    prover = Prover(command=fake(program), deadline_s=1.0 if why is Unproved.LATE else 10)

    with anyio.fail_after(20):
        assert await prover.ask(EDIT) is why
    assert prover._process is None


async def test_a_process_that_was_killed_is_started_anew():
    """The next question has its answer."""
    prover = Prover(deadline_s=20)
    with anyio.fail_after(40):
        assert isinstance(await prover.ask(EDIT), Proved)
        prover._process.kill()
        await prover._process.wait()
        assert isinstance(await prover.ask(EDIT), Proved)
        await prover.close()


async def test_one_question_too_many_is_turned_away():
    """The queue is bounded; who does not fit in is told at once."""
    prover = Prover(command=fake("import time; time.sleep(60)"), deadline_s=1.0)
    found = []

    async def ask():
        found.append(await prover.ask(EDIT))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(WAITING + 1):
                tasks.start_soon(ask)
    assert sorted(found) == [Unproved.BUSY, *[Unproved.LATE] * WAITING]


async def test_without_the_solver_there_is_no_proof():
    """The extra is not installed: nothing is started."""
    assert await Prover(command=fake("raise SystemExit"), is_installed=False).ask(EDIT) is Unproved.NO_SOLVER


def test_an_unknown_answer_is_no_proof():
    """A solver that gives up proves nothing."""
    assert _read({"wider": "unknown", "narrower": None, "breach": None}) is Unproved.BROKEN
    assert _read([]) is Unproved.BROKEN
