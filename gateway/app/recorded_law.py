"""The centre's decision on a view of a recording: which range of it, and whether; and for which an owner is asked.

With an owner's yes it is decided on exactly the range that was asked for. What is asked for is short, and is such that
it can still be shown when the owner has taken all the time there is to answer.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from gateway.emergency import CONFIRM_S, USE_S
from gateway.incidents import Incident
from gateway.live import ANSWER_S, ViewQuestion
from gateway.sharing import Decided, Decisions, Question, wish_of
from partner_agent.wire.limits import (
    ASKED_RANGE_S,
    RECORDED_APPROVED_S,
    RECORDED_RANGE_S,
    RECORDED_VIEW_S,
    VIEW_APPROVED_S,
)
from policies.footage import LEAST, NOT_THIS_PART, begins_before_call
from policies.request import Approval, Deny, Span
from policies.vocabulary import Act, Layer, Reason, Remedy

LATER: Final = datetime.max.replace(tzinfo=UTC)  # of a yes that is only supposed
_LASTS_S: Final = {  # from the question until the last of it was looked at
    Remedy.ASK: ANSWER_S + VIEW_APPROVED_S + RECORDED_APPROVED_S,
    Remedy.TWO_PERSONS: CONFIRM_S + USE_S + RECORDED_VIEW_S,
}


async def decide_recorded(
    decisions: Decisions, question: ViewQuestion, incident: Incident | None, *, is_for_two: bool = False
) -> tuple[Decided, Span | None]:
    """The decision, and the range it is about where it is a yes; `is_for_two`: a second person confirmed that range.

    A range that is known is decided as it is; otherwise it is worked out first. Where nothing can be proposed, the law
    says why by deciding on the wanted moment itself.

    Raises:
        NotFoundError: there is no such camera, or the person may not know of it.
        InvalidError: a purpose that is no word of ours.
        UnavailableError: this process may have missed that something was taken back.
    """
    assert question.wanted_at is not None
    asked = Question(
        principal=question.principal,
        camera_id=question.camera_id,
        act=Act.RECORDED_VIEW,
        purpose=question.purpose,
        incident=incident,
        without_session=question.without_session,
        on_behalf_of=question.on_behalf_of,
        approval=_yes(question.approved.until) if question.approved else None,
        is_second_person_present=is_for_two,
    )
    span = question.footage or await decisions.footage_for(
        asked, at=question.wanted_at, most_s=RECORDED_RANGE_S, lasts_s=RECORDED_VIEW_S
    )
    about = span or Span(question.wanted_at, question.wanted_at + LEAST)
    decided = await decisions.decide_for(replace(asked, span=about, wish=wish_of(about)))
    if isinstance(decided.decision, Deny):
        return replace(decided, decision=await _with_ways(decisions, asked, decided.decision, question.wanted_at)), None
    call = decided.incident
    if span is None or (call is not None and begins_before_call(span, call.opened_at)):
        deny = Deny(Reason.TERMS, Layer.SHARING, NOT_THIS_PART)
        return replace(decided, decision=deny), None
    return decided, span


async def range_to_ask_for(
    decisions: Decisions, asked: Question, *, at: datetime, by: Remedy = Remedy.ASK
) -> Span | None:
    """The part of a recording around `at` that its owner, or a second person, could say yes to; None where none is.

    Raises:
        NotFoundError: there is no such camera.
        InvalidError: a purpose that is no word of ours.
    """
    supposed = replace(asked, approval=_yes(LATER))
    if by is Remedy.TWO_PERSONS:
        supposed = replace(asked, is_second_person_present=True)
    return await decisions.footage_for(supposed, at=at, most_s=ASKED_RANGE_S, lasts_s=_LASTS_S[by])


async def _with_ways(decisions: Decisions, asked: Question, deny: Deny, at: datetime) -> Deny:
    """An incident can be named; owner and second person are asked where there is a range to ask for."""
    ways = {Remedy.LINK_INCIDENT}
    for way in _LASTS_S:
        if way in deny.remedies and await range_to_ask_for(decisions, asked, at=at, by=way) is not None:
            ways.add(way)
    return replace(deny, remedies=tuple(one for one in deny.remedies if one in ways))


def _yes(until: datetime) -> Approval:
    return Approval(act=Act.RECORDED_VIEW, until=until)
