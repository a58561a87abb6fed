"""Requests for recordings: closed, ordered, and one digest to approve."""

import pytest

from partner_agent.wire import clips
from tests.support.documents import clip_request


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 1},
        {"t0": "2026-11-23T14:10:00Z"},
        {"t1": "yesterday"},
        {"t0": "2026-11-23T14:00:00"},
        {"expires_at": "2026-12-01T15:00:00Z"},
        {"expires_at": "2026-11-23T15:00:00Z"},
        {"camera": 5},
    ],
    ids=str,
)
def test_a_malformed_request_is_refused(changed: dict[str, object]):
    """Foreign fields, an end before the start, open times, and a life over a week."""
    with pytest.raises(clips.ClipRequestError):
        clips.parse(clip_request(**changed))


@pytest.mark.parametrize("field", sorted(clip_request()))
def test_no_field_may_be_missing(field: str):
    """The request is closed."""
    with pytest.raises(clips.ClipRequestError):
        clips.parse({k: v for k, v in clip_request().items() if k != field})


def test_the_digest_covers_every_field():
    """Asking for one more second is another request."""
    assert clips.parse(clip_request()).sha256 != clips.parse(clip_request(t1="2026-11-23T14:05:01Z")).sha256
