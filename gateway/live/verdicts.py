"""What the centre says to a look: to a new one, with an owner's yes where there is one, and to one that runs."""

import logging
from dataclasses import replace

from gateway.kernel.errors import InvalidError, NotFoundError
from gateway.live.board import Seat
from gateway.live.ports import Decider, OwnersYes, ViewDeny, ViewPermit, ViewQuestion, masks_of, most_lines_of
from policies.vocabulary import Remedy

_LOG = logging.getLogger("lenspact.live")


class Verdicts:
    """Asks the decider, and the owners' yes."""

    def __init__(self, *, decider: Decider, owners_yes: OwnersYes) -> None:
        self._decider, self._owners_yes = decider, owners_yes

    def together(self) -> "Verdicts":
        """For the new views of one wall; `Decider.together`."""
        return Verdicts(decider=self._decider.together(), owners_yes=self._owners_yes)

    async def on_new(self, question: ViewQuestion) -> tuple[ViewQuestion, ViewPermit | ViewDeny]:
        """Decide, and where the owner has to be asked, decide again with the yes that the caller may have.

        An owner's yes is to a silent view of the person who asked: never to sound, nor to a view on somebody's phone.
        One to a recording is to the range that was asked for, whatever would be proposed now.
        """
        decision = await self._decider.decide(question)
        if question.shown_to:
            return question, decision
        if isinstance(decision, ViewDeny) and Remedy.ASK in decision.remedies:
            approved = None if question.sound else await self._owners_yes.approved_for(question)
            if approved is not None:
                question = replace(question, approved=approved, footage=approved.footage)
                decision = await self._decider.decide(question)
            elif not await self._owners_yes.may_say_yes(question, decision):
                left = tuple(other for other in decision.remedies if other is not Remedy.ASK)
                decision = replace(decision, remedies=left)  # a no and silence read the same, and like a rule
        return question, decision

    async def on_running(self, seat: Seat) -> ViewPermit | None:
        """What the centre would say to a running session now; whoever cannot decide does not permit."""
        if seat.question is None:
            return None
        approved = seat.question.approved
        try:
            if approved is not None and not await self._owners_yes.stands(approved, seat.session.id):
                return None
            decision = await self._decider.decide(seat.question)
        except (NotFoundError, InvalidError):
            return None
        except Exception:  # noqa: BLE001 -- supervisor of one view among many
            _LOG.exception("%s could not be decided again", seat.session.id)
            return None
        return decision if isinstance(decision, ViewPermit) and _covers(decision, seat) else None

    async def goes_on(self, seat: Seat) -> bool:
        """Whether a session is permitted still; an earlier end that was given meanwhile counts."""
        permit = await self.on_running(seat)
        if permit is not None and permit.horizon is not None:
            seat.follow(horizon_at=min(seat.session.horizon_at, permit.horizon))
        return permit is not None


def _covers(permit: ViewPermit, seat: Seat) -> bool:
    """Whether what is shown already is within it: a running picture is not made smaller, nor painted, later."""
    return masks_of(permit) <= seat.masks and most_lines_of(permit) >= seat.most_lines
