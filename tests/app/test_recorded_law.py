"""The centre's decision on a view of a recording: what is a no although the law alone would not say so."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.app.recorded_law import decide_recorded
from gateway.live import ViewQuestion
from gateway.live.ports import Approved
from gateway.sharing import Decided, Decisions, Question
from policies.request import Approval, Caps, Deny, Facts, Permit, Span
from policies.vocabulary import Act, Layer, Obligation, Reason, Remedy
from tests.fakes.clock import START
from tests.policies import build
from tests.support.live import CAMERA, OPERATOR

pytestmark = pytest.mark.anyio
AT = START - timedelta(seconds=30)
SPAN = Span(START - timedelta(minutes=9), START)
CALL = build.incident(opened_at=START - timedelta(minutes=5))
YES = Permit(caps=Caps(540, 720), obligations={}, horizon=None, rules=("r",))
NO = Deny(
    Reason.CONDITION, Layer.SHARING, "", remedies=(Remedy.LINK_INCIDENT, Remedy.ASK, Remedy.TWO_PERSONS), rule="r"
)


@dataclass
class FakeDecisions:
    """Answers as told, and remembers the questions."""

    decision: Permit | Deny = YES
    span: Span | None = SPAN
    to_ask: Span | None = SPAN
    for_two: Span | None = None
    asked: list[Question] = field(default_factory=list)

    async def footage_for(self, question: Question, **_: Any) -> Span | None:
        assert question.act is Act.RECORDED_VIEW
        if question.is_second_person_present:
            return self.for_two
        return self.span if question.approval is None else self.to_ask

    async def decide_for(self, question: Question) -> Decided:
        self.asked.append(question)
        camera = cast("Any", SimpleNamespace(id=CAMERA))
        return Decided(
            decision=self.decision,
            camera=camera,
            subject=build.subject(),
            facts=Facts(),
            incident=CALL,
            snapshot=None,
        )


async def answer(decisions: FakeDecisions, **changes: Any) -> tuple[Permit | Deny, Span | None]:
    """What is decided."""
    question = ViewQuestion(principal=OPERATOR, camera_id=CAMERA, purpose="violent_crime", wanted_at=AT)
    decided, span = await decide_recorded(cast("Decisions", decisions), replace(question, **changes), None)
    return decided.decision, span


@pytest.mark.parametrize(
    ("decisions", "changes", "reason"),
    [
        (FakeDecisions(decision=NO), {}, Reason.CONDITION),
        (FakeDecisions(span=None), {}, Reason.TERMS),
        (FakeDecisions(), {"footage": Span(START - timedelta(minutes=10, seconds=1), START)}, Reason.TERMS),
    ],
)
async def test_what_is_not_given_has_no_range(decisions: FakeDecisions, changes: dict[str, Any], reason: Reason):
    """Refused, nothing to propose, or from before the call's five minutes."""
    decision, span = await answer(decisions, **changes)

    assert isinstance(decision, Deny)
    assert decision.reason is reason
    assert span is None


async def test_black_areas_that_are_drawn_are_owed_and_no_refusal():
    """The law has seen that they are drawn; what is left is that the site paints them."""
    masked = replace(YES, obligations={Obligation.MASKS: ("door",)})

    decision, span = await answer(FakeDecisions(decision=masked))

    assert (decision, span) == (masked, SPAN)


@pytest.mark.parametrize(
    ("to_ask", "offered"), [(SPAN, (Remedy.LINK_INCIDENT, Remedy.ASK)), (None, (Remedy.LINK_INCIDENT,))]
)
async def test_an_owner_is_asked_where_there_is_something_to_ask_for(to_ask: Span | None, offered: tuple[Remedy, ...]):
    """Not about a moment that no rule lets them show, whoever says yes."""
    decision, _ = await answer(FakeDecisions(decision=NO, span=None, to_ask=to_ask))

    assert isinstance(decision, Deny)
    assert decision.remedies == offered


async def test_a_second_person_is_asked_where_two_may_look():
    """And what they confirmed is decided as for two, with exactly that range."""
    decision, _ = await answer(FakeDecisions(decision=NO, span=None, to_ask=None, for_two=SPAN))
    assert isinstance(decision, Deny)
    assert decision.remedies == (Remedy.LINK_INCIDENT, Remedy.TWO_PERSONS)

    decisions = FakeDecisions()
    question = ViewQuestion(principal=OPERATOR, camera_id=CAMERA, purpose="violent_crime", wanted_at=AT, footage=SPAN)
    await decide_recorded(cast("Decisions", decisions), question, None, is_for_two=True)
    (asked,) = decisions.asked
    assert (asked.span, asked.is_second_person_present, asked.approval) == (SPAN, True, None)


async def test_with_a_yes_exactly_what_was_asked_for_is_decided():
    """The yes is to this act, and ends when it ends."""
    until, asked = START + timedelta(seconds=90), Span(START - timedelta(minutes=4), START - timedelta(minutes=1))
    approved = Approved(ask_id="vwr_1", version=2, approval={}, until=until, footage=asked)
    decisions = FakeDecisions()

    decision, span = await answer(decisions, approved=approved, footage=asked)

    assert isinstance(decision, Permit)
    assert span == asked
    (question,) = decisions.asked
    assert (question.span, question.approval) == (asked, Approval(Act.RECORDED_VIEW, until))


async def test_a_range_that_is_known_is_decided_as_it_is():
    """A running view is decided again with what it was granted, whatever would be proposed now."""
    decisions, running = FakeDecisions(), Span(START - timedelta(minutes=2), START - timedelta(minutes=1))

    decision, span = await answer(decisions, footage=running)

    assert isinstance(decision, Permit)
    assert span == running
    assert [question.span for question in decisions.asked] == [running]
    assert decisions.asked[0].wish.seconds == 60
