"""Which stretch of a recording is proposed: never more than would be permitted, and nearly all of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decide import decide
from policies.footage import asking, is_before_call, propose_span
from policies.layers import Layers
from policies.model import Policy, Totals
from policies.request import Facts, Permit, Request, Span, Usage
from policies.vocabulary import Act
from tests.policies import build
from tests.policies.build import NOW

HOUR_S = 3600
RECORDED = frozenset({Act.RECORDED_VIEW})


def shared(*, acts: frozenset[Act] = RECORDED, totals: Totals | None = None, **terms: Any) -> Policy:
    """Recordings, for everybody."""
    changes = {"totals": totals} if totals else {}
    return build.policy(build.rule(acts=acts), terms=(build.terms(**terms),), **changes)


def asked(*, minutes: float | None = 20, **changes: Any) -> Request:
    """A view of a recording, for a call so many minutes ago."""
    incident = None if minutes is None else build.incident(opened_at=NOW - timedelta(minutes=minutes))
    return build.request(**{"act": Act.RECORDED_VIEW, "incident": incident, **changes})


def proposed(
    layers: Layers, request: Request, *, ago_s: float = 30, most_s: int = HOUR_S, lasts_s: int = 600
) -> Span | None:
    """Around so many seconds ago."""
    return propose_span(layers, request, at=NOW - timedelta(seconds=ago_s), most_s=most_s, lasts_s=lasts_s)


def ago(minutes: float) -> datetime:
    """So long before now."""
    return NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("why", "policy", "request_"),
    [
        ("recordings are not given", shared(acts=frozenset({Act.LIVE_VIEW, Act.CLIP_FETCH})), asked()),
        ("a call that nobody named", shared(around_s=600), asked(minutes=None)),
        ("the call is too long ago", shared(around_s=600, look_back_s=1200), asked(minutes=41)),
        ("given from now on", shared(history_from_ms=round(NOW.timestamp() * 1000)), asked()),
        ("no look back left once the view has lasted", shared(look_back_s=600), asked()),
        ("nothing is left for the day", shared(totals=Totals(86_400, 1, 8)), asked()),
        ("another purpose", shared(), asked(purpose="medical")),
    ],
)
def test_what_is_not_given_is_not_proposed(why: str, policy: Policy, request_: Request):
    """By the owner's act, terms, total or purpose."""
    del why
    assert proposed(build.at_centre(policy), request_) is None


def test_without_its_layers_nothing_is_proposed():
    """No ordinance, or no document."""
    assert proposed(build.at_centre(shared(), guardrail=None), asked()) is None
    assert proposed(build.at_centre(), asked()) is None


@pytest.mark.parametrize(
    ("why", "policy", "request_", "limits", "expected"),
    [
        ("from five minutes before the call", shared(clip_s=3600), asked(), {}, (25, 0)),
        ("as far back as may be", shared(clip_s=3600, look_back_s=1200), asked(), {}, (10, 0)),
        ("since the owner gives them", shared(history_from_ms=round(ago(7).timestamp() * 1000)), asked(), {}, (7, 0)),
        ("as long as a recording may be", shared(clip_s=300), asked(), {}, (5, 0)),
        ("as long as is asked for", shared(), asked(), {"most_s": 120}, (2, 0)),
        ("around the moment", shared(clip_s=300), asked(), {"ago_s": 600}, (12.5, 7.5)),
        ("around the call", shared(clip_s=3600, around_s=900), asked(), {}, (25, 5)),
        ("the nearest that may be shown", shared(clip_s=300), asked(), {"ago_s": 100_000}, (25, 20)),
        ("without a call, by the look back", shared(), asked(minutes=None), {}, (15, 0)),
        ("what is left for the day", shared(totals=Totals(86_400, 240, 8)), asked(), {}, (4, 0)),
    ],
)
def test_as_much_is_proposed_as_may_be_given(
    why: str, policy: Policy, request_: Request, limits: dict[str, Any], expected: tuple[float, float]
):
    """Around the moment, cut to what owner, ordinance and call leave."""
    del why
    assert proposed(build.at_centre(policy), request_, **limits) == Span(ago(expected[0]), ago(expected[1]))


def test_what_was_given_today_is_left_out():
    """The day's total is of all recordings together."""
    layers = build.at_centre(shared(totals=Totals(86_400, 600, 8)), facts=Facts(usage=Usage(clip_s=480)))

    assert proposed(layers, asked()) == Span(ago(2), NOW)


def test_a_narrowing_that_waits_counts_too():
    """Both documents have to give it; the stricter one says how much."""
    layers = build.at_centre(shared(clip_s=3600), shared(clip_s=60))

    assert proposed(layers, asked()) == Span(ago(1), NOW)


@given(
    st.builds(dict, clip_s=st.integers(1, 4000), around_s=st.none() | st.integers(1, 4000),
        look_back_s=st.integers(0, 90_000),
        history_from_ms=st.integers(0, 5000).map(lambda ago_s: round((NOW.timestamp() - ago_s) * 1000))),
    st.integers(0, 3000), st.integers(0, 100_000), st.integers(1, 3600),
)  # fmt: skip
def test_what_is_proposed_is_permitted(terms: dict[str, Any], opened_s: int, ago_s: int, most_s: int):
    """By both engines, and still at the end of the view; never from before the call lets it."""
    layers, request = build.at_centre(shared(**terms)), asked(minutes=opened_s / 60)

    span = proposed(layers, request, ago_s=ago_s, most_s=most_s)

    if span is not None:
        for seconds in (0, 600):
            question = replace(asking(request, span), now=NOW + timedelta(seconds=seconds))
            assert isinstance(decide(layers, question), Permit)
            assert not is_before_call(question)
        assert span.seconds <= most_s


@pytest.mark.parametrize(("act", "minutes", "start", "expected"), [
    (Act.RECORDED_VIEW, 20, 25.001, True),
    (Act.RECORDED_VIEW, 20, 25, False),
    (Act.CLIP_FETCH, 20, 30, False),
    (Act.RECORDED_VIEW, None, 600, False),
])  # fmt: skip
def test_a_view_of_a_recording_begins_at_most_five_minutes_before_the_call(
    act: Act, minutes: float | None, start: float, expected: bool
):
    """A file is the owner's to send, whatever it shows; without a call the look back alone bounds a view."""
    request = replace(asked(minutes=minutes), act=act, span=Span(ago(start), ago(1)))

    assert is_before_call(request) is expected
    assert not is_before_call(replace(request, span=None))


def test_a_call_at_the_beginning_of_the_calendar_has_nothing_before_it():
    """Five minutes before the first moment there is no time to compare with."""
    request = asked()
    assert request.incident is not None
    first = replace(request.incident, opened_at=datetime.min.replace(tzinfo=UTC))

    assert not is_before_call(replace(request, incident=first, span=Span(ago(2), ago(1))))
