"""Requests for live views: closed, at most an hour old when answered, and one digest to approve."""

import pytest

from partner_agent.wire import views
from tests.support.documents import view_request


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 1},
        {"camera": 5},
        {"expires_at": "2026-11-23T16:00:01Z"},
        {"expires_at": "2026-11-23T15:00:00Z"},
        {"created_at": "today"},
    ],
    ids=str,
)
def test_a_malformed_request_is_refused(changed: dict[str, object]):
    """Foreign fields, other types, no times, and a life over an hour."""
    with pytest.raises(views.ViewRequestError):
        views.parse(view_request(**changed))


@pytest.mark.parametrize("field", sorted(view_request()))
def test_no_field_may_be_missing(field: str):
    """The request is closed."""
    with pytest.raises(views.ViewRequestError):
        views.parse({k: v for k, v in view_request().items() if k != field})


def test_the_digest_covers_every_field():
    """Another camera is another request."""
    assert views.parse(view_request()).sha256 != views.parse(view_request(camera="cam_2")).sha256
