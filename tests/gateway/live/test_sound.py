"""A view with sound is asked for, decided and told apart; a silent one has none."""

from dataclasses import replace

import pytest

from gateway.audit import Query
from gateway.desks.oversight_desk.acts import act_of
from gateway.desks.portal.looks import look_of
from gateway.kernel.errors import DeniedError, UnavailableError
from gateway.live import SessionState
from gateway.live.relay import protocol
from tests.support.live import OPERATOR, ORGANISATION, Plane

pytestmark = pytest.mark.anyio


async def test_a_view_is_silent_unless_sound_was_asked_for(plane: Plane):
    """Not in the question, not in the grant, not at the relay; the answer says that it could be asked for."""
    plane.decider.may_hear = True

    opened = await plane.open()
    await plane.in_state(opened.session_id, "accepted")

    assert (opened.has_sound, opened.may_ask_sound) == (False, True)
    assert not plane.decider.asked[-1].sound
    assert not plane.site.grants[-1].grant.caps.audio
    assert plane.relay.with_sound == []
    assert not (await plane.read(opened.session_id)).has_sound


async def test_sound_that_is_not_permitted_is_no_view(plane: Plane):
    """A denial with its leaf, which says what was asked for; a silent view is never the answer to it."""
    with pytest.raises(DeniedError):
        await plane.open(sound=True)

    assert plane.site.grants == []
    (entry,) = (await plane.audit.find(Query(streams=frozenset({ORGANISATION})))).entries
    assert (entry.kind, entry.said("sound")) == ("view.denied", True)
    assert look_of(entry, {}).sentence == "Asked to watch and listen, and was refused by your rules"


async def test_a_view_with_sound_is_granted_admitted_and_told_apart(plane: Plane):
    """The grant asks for it, the relay is told, and owner and oversight read that somebody could listen."""
    plane.decider.may_hear = True

    session = await plane.accepted(sound=True)
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="x"))
    await plane.in_state(session.id, "established")

    assert session.has_sound
    assert plane.site.grants[-1].grant.caps.audio
    assert plane.relay.with_sound == [session.id]
    entries = (await plane.audit.find(Query(streams=frozenset({ORGANISATION})))).entries
    assert {entry.said("sound") for entry in entries if entry.kind.startswith("view.")} == {True}
    by_kind = {entry.kind: entry for entry in entries}
    assert look_of(by_kind["view.started"], {}).sentence == "Watched and listened live"
    assert act_of(by_kind["view.requested"], [], {}).what == "Live view with sound"


async def test_a_view_with_sound_ends_when_its_sound_would_not_be_permitted_any_more(plane: Plane):
    """It is decided again as it was asked, and not made silent."""
    plane.decider.may_hear = True
    loud, silent = await plane.accepted(sound=True), await plane.accepted()
    plane.decider.may_hear = False

    assert await plane.sessions.live.rules_changed() == 1

    assert (await plane.read(loud.id)).state is SessionState.ENDED
    assert (await plane.read(silent.id)).is_open


async def test_sound_is_offered_only_where_there_is_some(plane: Plane):
    """A camera without sound, or one whose site has not said, is not offered with it."""
    plane.decider.may_hear = True
    plane.site.is_sounding = False

    assert not (await plane.open()).may_ask_sound


async def test_a_media_server_without_sound_is_asked_for_none(plane: Plane):
    """Neither offered nor decided; the sentence says why."""
    plane.decider.may_hear = True
    desk = plane.sessions.live._opening._grants
    desk._relay = replace(desk._relay, carries_sound=False)

    assert not (await plane.open()).may_ask_sound
    with pytest.raises(UnavailableError, match="Sound is not passed on here"):
        await plane.sessions.live.open(
            OPERATOR, camera_id="cam", purpose="violent_crime", fingerprint=":".join(["AB"] * 32), sound=True
        )
    assert not any(question.sound for question in plane.decider.asked)
