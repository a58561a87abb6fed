"""What owner and auditor read of a view that stood on something out of the ordinary."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.audit import Decision, Entry, Json, Opening
from gateway.desks.oversight_desk.acts import act_of
from gateway.desks.portal.looks import look_of


def entry(ground: str) -> Entry:
    """A view that started."""
    return Entry(
        event_id="evt_" + "1" * 26,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        kind="view.started",
        decision=Decision.NONE,
        index=1,
        public={"purpose": "life_safety", "ground": ground},
        openings={},
        is_erased=False,
        leaf=b"{}",
    )


@pytest.mark.parametrize("ground", ["", "near", "always"])
def test_an_ordinary_ground_is_not_said(ground: str):
    """What the owner's rules give every day needs no word."""
    assert look_of(entry(ground), {}).why == "life safety"
    assert act_of(entry(ground), (), {}).why == "life safety"


def test_emergency_access_and_the_alarm_button_are_said():
    """Who looked names them, for the owner and for compliance."""
    assert look_of(entry("two_persons"), {}).why == "life safety, emergency access by two people"
    assert look_of(entry("panic"), {}).why == "life safety, your alarm button was on"
    assert act_of(entry("two_persons"), (), {}).why == "life safety, emergency access by two people"


def said(kind: str, **details: Json) -> Entry:
    """An entry about a view of a recording."""
    openings = {name: Opening(salt=b"", value=value) for name, value in details.items()}
    return replace(entry(""), kind=kind, public={"purpose": "life_safety", "act": "recorded.view"}, openings=openings)


def test_a_view_of_a_recording_is_called_one():
    """Nobody watched live who looked at a recording; owner and compliance read so."""
    assert look_of(said("view.started"), {}).sentence == "Watched your recording"
    assert look_of(said("view.started"), {}).is_access
    assert look_of(entry(""), {}).sentence == "Watched live"
    assert act_of(said("view.requested"), (), {}).what == "View of a recording"


def of_still(kind: str) -> Entry:
    """An entry about a still."""
    return replace(entry(""), kind=kind, public={"purpose": "life_safety", "act": "still.take"})


def test_a_still_is_not_called_a_view():
    """Nobody asked to watch who asked for one still; owner and compliance read so, refused or taken."""
    assert look_of(of_still("view.denied"), {}).sentence == "Asked for a still picture, and was refused by your rules"
    assert look_of(of_still("view.refused"), {}).sentence == "Asked for a still picture, and your site refused"
    assert look_of(of_still("view.ended"), {}).sentence == "A still picture that was asked for did not come"
    assert look_of(of_still("still.taken"), {}).sentence == "Took a still picture"
    assert act_of(of_still("view.denied"), (), {}).what == "Still picture asked for"
    assert act_of(of_still("still.taken"), (), {}).what == "Still picture"


def test_a_still_that_came_is_not_starting_any_more():
    """What became of it is told where it was asked for."""
    line = act_of(of_still("view.requested"), (of_still("view.accepted"), of_still("still.taken")), {})

    assert (line.what, line.outcome, line.is_live) == ("Still picture asked for", "Handed over", False)


def test_what_was_shown_of_a_recording_is_said():
    """How much of it, from which moment to which; nothing where nothing was shown."""
    footage: Json = [
        ["2026-11-23T15:00:10.000Z", "2026-11-23T15:00:40.000Z"],
        ["2026-11-23T14:59:00.000Z", "2026-11-23T14:59:00.000Z"],
    ]

    look = look_of(said("recording.shown", footage=footage, seconds=500), {})

    assert look.seconds == 31
    assert look.shown == (
        datetime(2026, 11, 23, 14, 59, tzinfo=UTC), datetime(2026, 11, 23, 15, 0, 40, tzinfo=UTC)
    )  # fmt: skip
    assert look_of(said("recording.shown", footage=[]), {}).shown is None
