"""Filters as text become exactly the query they say."""

from datetime import UTC, datetime

import pytest

from gateway.audit import Decision, Kind, read_query
from gateway.kernel.errors import InvalidError


def _query(**values: str):
    return read_query(values, is_restricted_visible=False)


def test_empty_values_are_no_filters():
    """An empty form field narrows nothing."""
    query = _query(camera="", kind=" ", since="", decision="")

    assert (query.streams, query.kinds, query.since, query.decision) == (frozenset(), frozenset(), None, None)


def test_a_day_is_whole():
    """From a day means its first moment, to a day its last, UTC."""
    query = _query(since="2026-11-22", until="2026-11-22")

    assert query.since == datetime(2026, 11, 22, tzinfo=UTC)
    assert query.until == datetime(2026, 11, 23, tzinfo=UTC)


def test_a_moment_has_its_zone():
    """A time with a zone is taken exactly; one without is refused."""
    assert _query(since="2026-11-22T13:00:00-06:00").since == datetime(2026, 11, 22, 19, tzinfo=UTC)
    with pytest.raises(InvalidError):
        _query(since="2026-11-22T13:00:00")


def test_a_family_of_kinds_is_all_of_it():
    """`view` is every kind of view; a whole kind is itself."""
    assert _query(kind="view.denied").kinds == {Kind.VIEW_DENIED}
    assert Kind.VIEW_ENDED in _query(kind="view").kinds
    assert all(kind.startswith("view.") for kind in _query(kind="view").kinds)


def test_ids_and_decision_are_taken():
    """Each id narrows to its stream."""
    camera, person = "cam_" + "0" * 26, "per_" + "0" * 26
    query = _query(camera=camera, person=person, decision="deny")

    assert query.streams == {camera, person}
    assert query.decision is Decision.DENY
    assert not query.is_restricted_visible


def test_every_wrong_filter_is_named():
    """All mistakes at once, none guessed around."""
    with pytest.raises(InvalidError) as caught:
        _query(camera="per_" + "0" * 26, since="x", colour="red", decision="", kind="vie")

    assert set(caught.value.fields) == {"camera", "since", "colour", "kind"}
