"""Looks of the last days, and those that run, decided again by an owner's new answers before they are saved.

Kept of a look is who, which camera, for what and for which incident. Whether the owner said yes at the time, the alarm
button was on, or a second person stood by is not: for what happened it is taken to be as the rules then needed it. What
a place gives within 24 hours is counted anew, of what the new answers would have let through; how many at once is not.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.sharing.ports import ViewMade
from policies.heads import sharing_head
from policies.layers import SharingLayer
from policies.model import Policy
from policies.replay import Record, replay
from policies.request import Approval, Caps, Facts, Request, Subject, Usage
from policies.vocabulary import Act, Purpose

_LATER: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the last days would have been like.

    Attributes:
        days: how many of them were looked at.
        made: how many decisions were made again.
        refused: how many views that happened would have been refused.
        allowed: how many that were refused would have happened.
        withheld: how many recordings that were handed over would not have been.
    """

    days: int
    made: int
    refused: int
    allowed: int
    withheld: int = 0


def replayed(views: Sequence[ViewMade], old: Policy | None, new: Policy, *, days: int) -> Replayed:
    """The views by the new policy; those at cameras that neither policy knows count as not made again."""
    found = replay(SharingLayer(new), _records(views, old, new))
    refused = {*found.refused, *_over_total(views, frozenset(found.refused), old, new)}
    recordings = {view.id for view in views if view.span is not None}
    withheld = len(recordings & refused)
    return Replayed(days, found.made, len(refused) - withheld, len(found.allowed), withheld)


def would_end(
    running: Sequence[ViewMade], old: Policy | None, new: Policy, *, now: datetime, given: Usage | None = None
) -> int:
    """How many of the views that run the new policy would not permit now, where the place gave so much already."""
    if given is not None and given.live_s >= new.totals.live_s_per_day:
        return len([*_records(running, old, new, now=now)])
    return len(replay(SharingLayer(new), _records(running, old, new, now=now)).refused)


def _over_total(views: Sequence[ViewMade], refused: frozenset[str], old: Policy | None, new: Policy) -> Iterator[str]:
    """What happened, and the new totals would have refused: 24 hours back from each, as the site counts."""
    known = {camera for policy in (old, new) if policy is not None for camera in policy.camera_by_id}
    live, clips = deque[tuple[datetime, int]](), deque[tuple[datetime, int]]()
    for view in sorted(views, key=lambda one: one.at):
        if not view.has_happened or view.id in refused or view.camera_id not in known:
            continue
        for given in (live, clips):
            while given and given[0][0] <= view.at - _DAY:
                given.popleft()
        if view.span is None:
            is_over = sum(seconds for _, seconds in live) >= new.totals.live_s_per_day
            kept, entry = live, (view.at + timedelta(seconds=view.live_s), view.live_s)
        else:
            seconds = math.ceil(view.span.seconds)
            is_over = sum(seconds for _, seconds in clips) + seconds > new.totals.clip_s_per_day
            kept, entry = clips, (view.at, seconds)
        if is_over:
            yield view.id
        else:
            kept.append(entry)


def _records(
    views: Iterable[ViewMade], old: Policy | None, new: Policy, *, now: datetime | None = None
) -> Iterator[Record]:
    layers = [SharingLayer(policy) for policy in (old, new) if policy is not None]
    for view in views:
        layer = next((one for one in layers if view.camera_id in one.scopes), None)
        if layer is None or view.purpose not in set(Purpose):
            continue
        request = _request(view, layer.policy.partner, view.at if now is None else now)
        heads = [sharing_head(layer, request, facts, caps=None) for facts in _supposed(view, request.now)]
        fits = (head for head in heads if layer.judges.kernel.verdict(head).is_allowed)
        yield Record(view.id, "", view.camera_id, next(fits, heads[0]), view.has_happened, "")


def _request(view: ViewMade, partner: str, now: datetime) -> Request:
    return Request(
        now=now,
        partner=partner,
        camera=view.camera_id,
        act=_act(view),
        purpose=Purpose(view.purpose),
        subject=Subject("", view.agency, view.unit, view.roles),
        caps=Caps(1 if view.span is None else math.ceil(view.span.seconds), 1),
        incident=view.incident,
        span=view.span,
    )


def _act(view: ViewMade) -> Act:
    return Act.LIVE_VIEW if view.span is None else Act.CLIP_FETCH


def _supposed(view: ViewMade, at: datetime) -> Sequence[Facts]:
    """What may have been true: nothing more than is known first, and for what was refused nothing more at all."""
    until = at + _LATER
    more = (
        Facts(approval=Approval(_act(view), until)),
        Facts(panic_until=until),
        Facts(is_second_person_present=True),
    )
    return (Facts(), *more) if view.has_happened else (Facts(),)
