"""Which stretch of a recording somebody may play: as much around a moment as rules, agreement and ordinance leave.

A recording is permitted whole or not at all (`decide`), so what is asked for has to be cut to what may be given before
it is decided. Nothing here permits: what comes out is put to `decide` like any other range. Pure.
"""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from policies.decide import preview
from policies.guardrail import GuardLimits
from policies.layers import Layers
from policies.limits import envelopes_of
from policies.parts import Envelope, Terms
from policies.request import Caps, Facts, Permit, Request, Span
from policies.vocabulary import Act, Effect

BEFORE_CALL: Final = timedelta(minutes=5)  # what led to a call is part of it; the day before it is not
NOT_THIS_PART: Final = "Nothing of the recording around this moment is shared."
LEAST: Final = timedelta(seconds=2)  # less is nothing that could be played
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_before_call(request: Request) -> bool:
    """Whether a view of a recording would begin earlier than its incident lets it."""
    if request.act is not Act.RECORDED_VIEW or request.span is None or request.incident is None:
        return False
    return begins_before_call(request.span, request.incident.opened_at)


def begins_before_call(span: Span, opened_at: datetime) -> bool:
    """Whether a stretch begins earlier than what led to a call of `opened_at`."""
    return opened_at - span.start > BEFORE_CALL  # a difference never overflows


def propose_span(layers: Layers, request: Request, *, at: datetime, most_s: int, lasts_s: int) -> Span | None:
    """The longest stretch around `at` that would be permitted for a view of a recording, or None.

    Args:
        layers: as for `decide`.
        request: the question; its range is looked past.
        at: the moment that the person wants to see; the nearest that may be shown is taken instead.
        most_s: longer is not proposed.
        lasts_s: how long a view may last; what would become too old meanwhile is left out from the start.
    """
    if layers.guardrail is None or not layers.sharing:
        return None
    found = [
        span
        for terms in _terms(layers)
        if (span := _within(layers, request, terms, at=at, most_s=most_s, lasts_s=lasts_s)) is not None
        and isinstance(preview(layers, asking(request, span)), Permit)
    ]
    return max(found, key=lambda span: span.seconds, default=None)


def asking(request: Request, span: Span) -> Request:
    """The same question about this stretch, with caps that fit it."""
    caps = Caps(max(1, round(span.seconds)), request.caps.height_lines)
    return dataclasses.replace(request, span=span, caps=caps)


def _terms(layers: Layers) -> Iterator[Terms]:
    for layer in layers.sharing:
        for rule in layer.policy.rules:
            if rule.effect is Effect.ALLOW and Act.RECORDED_VIEW in rule.acts:
                yield layer.policy.terms_by_id[rule.terms]


def _within(layers: Layers, request: Request, terms: Terms, *, at: datetime, most_s: int, lasts_s: int) -> Span | None:
    """The stretch around `at` within these terms and every agreement, ordinance and total."""
    assert layers.guardrail is not None
    limits: tuple[Terms | Envelope | GuardLimits, ...] = (
        terms, *envelopes_of(layers), layers.guardrail.guardrail.limits
    )  # fmt: skip
    now, incident = request.now, request.incident
    look_back_s = min(limit.look_back_s for limit in limits)
    earliest = [
        now - timedelta(seconds=max(0, look_back_s - lasts_s)),
        _EPOCH + timedelta(milliseconds=terms.history_from_ms),
    ]
    latest = [now]
    if incident is not None:
        earliest.append(incident.opened_at - BEFORE_CALL)
    if terms.around_s is not None:
        if incident is None:
            return None
        earliest.append(incident.opened_at - timedelta(seconds=terms.around_s))
        latest.append(incident.opened_at + timedelta(seconds=terms.around_s))
    length = timedelta(seconds=max(0, min([most_s, _left_s(layers), *(limit.clip_s for limit in limits)])))
    return _around(at, _floor(max(earliest) + timedelta(microseconds=999)), _floor(min(latest)), length)


def _left_s(layers: Layers) -> int:
    """What the site's total for recordings leaves."""
    given = (layers.facts or Facts()).usage.clip_s
    return min(layer.policy.totals.clip_s_per_day for layer in layers.sharing) - given


def _around(at: datetime, low: datetime, high: datetime, length: timedelta) -> Span | None:
    """At most `length` of [low, high), with `at` in the middle where that is possible."""
    length = min(length, high - low)
    if length < LEAST:
        return None
    start = min(max(_floor(at) - length / 2, low), high - length)
    start = _floor(start)
    return Span(max(start, low), min(max(start, low) + length, high))


def _floor(moment: datetime) -> datetime:
    """To whole milliseconds, as times are written."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
