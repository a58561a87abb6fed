"""Views that stand on a second person's word: what is written with them, and that they are written with it or not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.audit import Query
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError
from policies.request import Span
from tests.gateway.live.test_stills import PatientClock, taken
from tests.support.live import ORGANISATION, SUPERVISOR, Plane, live_plane, made_up

pytestmark = pytest.mark.anyio
WORD = made_up("emg", 1)


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Live views on both databases, permitted for two."""
    async with live_plane(database, tmp_path) as running:
        running.decider.second_id = SUPERVISOR.person_id
        yield running


async def test_a_word_that_is_used_up_writes_no_view(plane: Plane):
    """Neither session nor leaf nor grant: the use and the view are one transaction."""
    plane.consequences.is_used_up = True

    with pytest.raises(ConflictError):
        await plane.open(confirmation_id=WORD)

    assert await plane.kinds() == []
    assert plane.site.grants == []
    assert plane.sessions.live.running() == []


async def test_a_view_that_needs_nobody_uses_no_word(plane: Plane):
    """A word that is shown although the rules permit the view by themselves stays unused."""
    plane.decider.second_id = ""

    await plane.accepted(confirmation_id=WORD)

    assert plane.consequences.used == []


async def test_a_site_that_cannot_be_asked_uses_no_word(plane: Plane):
    """The camera is offline: the second person's word is still good when it comes back."""
    plane.site.problem = "offline"

    with pytest.raises(Exception, match="offline"):
        await plane.open(confirmation_id=WORD)

    assert plane.consequences.used == []


async def test_the_word_is_used_by_the_view_and_every_leaf_says_so(plane: Plane):
    """The ground is public, the second person is for compliance alone; both survive in the row."""
    session = await plane.accepted(confirmation_id=WORD)

    assert plane.consequences.used == [(WORD, session.id)]
    assert (session.ground, session.second_id) == ("two_persons", SUPERVISOR.person_id)
    log = {entry.kind: entry for entry in await plane.log(session.id)}
    for kind in ("view.requested", "view.accepted"):
        assert (log[kind].said("ground"), log[kind].said("second")) == ("two_persons", SUPERVISOR.person_id)
    assert await plane.kinds(SUPERVISOR.person_id) == await plane.kinds(session.id)
    seen_by_owner = (await plane.audit.find(Query(streams=frozenset({ORGANISATION})))).entries
    assert all("second" not in entry.openings for entry in seen_by_owner)


async def test_a_look_back_uses_its_word_as_a_live_view_does(plane: Plane):
    """In the transaction that writes it; the decider is told which word at every decision on it."""
    session = await plane.accepted(confirmation_id=WORD, wanted_at=plane.clock.now())
    assert session.range_from is not None
    assert session.range_to is not None

    assert (session.act, plane.consequences.used) == ("recorded.view", [(WORD, session.id)])
    assert await plane.sessions.live.rules_changed() == 0
    asked = plane.decider.asked[-1]
    assert (asked.confirmation_id, asked.footage) == (WORD, Span(session.range_from, session.range_to))


async def test_a_still_uses_its_word_as_a_view_does(database: Database, tmp_path: Path):
    """In the transaction that writes its session."""
    async with live_plane(database, tmp_path, clock=PatientClock()) as plane:
        plane.decider.second_id = SUPERVISOR.person_id
        still = await taken(plane, confirmation_id=WORD)

        assert plane.consequences.used == [(WORD, still.id)]
        assert {asked.confirmation_id for asked in plane.decider.asked} == {WORD}


async def test_a_running_view_is_decided_again_with_its_word(plane: Plane):
    """The decider is told which word, and that this view has used it."""
    session = await plane.accepted(confirmation_id=WORD)

    assert await plane.sessions.live.rules_changed() == 0

    asked = plane.decider.asked[-1]
    assert (asked.confirmation_id, asked.without_session) == (WORD, session.id)
