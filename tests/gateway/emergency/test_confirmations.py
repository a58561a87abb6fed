"""What a second person's word is good for: one view, once, for a while, of who asked."""

import dataclasses
from datetime import timedelta
from types import SimpleNamespace

import anyio
import pytest

from gateway.app.emergency import SharingEmergencyLaw
from gateway.app.live import SharingDecider
from gateway.audit import Query
from gateway.emergency import USE_S
from gateway.kernel.errors import ConflictError, DeniedError
from gateway.kernel.principal import Role
from gateway.live import ViewDeny, ViewPermit, ViewQuestion
from partner_agent.wire.limits import ASKED_RANGE_S
from policies.request import Span
from policies.vocabulary import IncidentKind, Remedy
from tests.support.emergencies import ASKER, SECOND, VIEW, Bench

pytestmark = pytest.mark.anyio


# --- what a confirmation is not good for


@pytest.mark.parametrize(
    "changes",
    [
        {"camera_id": "cam_" + "9" * 26},
        {"act": "clip.fetch"},
        {"purpose": "life_safety"},
        {"incident_id": "inc_" + "9" * 26},
    ],
)
async def test_a_confirmation_is_for_nothing_else(lite: Bench, changes: dict[str, str]):
    """Another camera, act, purpose or incident has no second person."""
    need = await lite.share()
    one = await lite.confirmed(need)

    assert await lite.emergencies.second_of(ASKER.person_id, dataclasses.replace(need, **changes), one.id) == ""


async def test_a_confirmation_is_for_nobody_else(lite: Bench):
    """A colleague who learns its name gains nothing; nor does the second person."""
    need = await lite.share()
    one = await lite.confirmed(need)

    for person in ("per_" + "7" * 26, SECOND.person_id):
        assert await lite.emergencies.second_of(person, need, one.id) == ""


async def test_a_question_nobody_answered_is_no_confirmation(lite: Bench):
    """Asked, declined, unknown or none at all: nobody is present."""
    need = await lite.share()
    one = await lite.emergencies.ask(ASKER, need)

    for name in (one.id, "", "emg_" + "9" * 26):
        assert await lite.emergencies.second_of(ASKER.person_id, need, name) == ""


async def test_a_look_back_is_confirmed_for_exactly_its_range(lite: Bench):
    """Minutes around the moment; the word is for that range, of that person, and for no live view, file or still."""
    await lite.share()
    law = SharingEmergencyLaw(decisions=lite.w.decisions, incidents=lite.incidents)
    live = lite.need()
    need = await law.recorded(
        ASKER, camera_id=live.camera_id, purpose=live.purpose, incident_id=live.incident_id, at=lite.clock.now()
    )
    assert need.t0 is not None
    assert need.t1 == lite.clock.now()
    assert 0 < (need.t1 - need.t0).total_seconds() <= ASKED_RANGE_S
    one = await lite.confirmed(need)

    assert await lite.emergencies.second_of(ASKER.person_id, need, one.id) == SECOND.person_id
    assert await lite.emergencies.need_of(ASKER.person_id, one.id) == need
    assert await lite.emergencies.need_of(SECOND.person_id, one.id) is None
    wider = dataclasses.replace(need, t0=need.t0 - timedelta(seconds=1))
    for other in (
        live,
        wider,
        dataclasses.replace(need, act="clip.fetch"),
        dataclasses.replace(need, act="still.take"),
    ):
        assert await lite.emergencies.second_of(ASKER.person_id, other, one.id) == ""


async def test_nothing_is_looked_back_at_that_two_people_may_not_see(lite: Bench):
    """Without the owner's word for emergencies there is no range to ask for; after the incident there is no reason."""
    await lite.share(emergency=False)
    law = SharingEmergencyLaw(decisions=lite.w.decisions, incidents=lite.incidents)
    live = lite.need()
    about = {"camera_id": live.camera_id, "purpose": live.purpose, "incident_id": live.incident_id}
    with pytest.raises(DeniedError):
        await law.recorded(ASKER, **about, at=lite.clock.now())
    await lite.answer()
    need = await law.recorded(ASKER, **about, at=lite.clock.now())
    lite.incidents.one = dataclasses.replace(lite.incidents.one, closed_at=lite.clock.now())
    lite.clock.advance(3600)

    assert not await law.permits(ASKER, need, with_second=True)


async def test_a_confirmation_runs_out(lite: Bench):
    """Two minutes after the yes it is nothing, whether or not somebody wrote that down."""
    need = await lite.share()
    one = await lite.confirmed(need)
    lite.clock.advance(USE_S)

    assert await lite.emergencies.second_of(ASKER.person_id, need, one.id) == ""
    with pytest.raises(ConflictError):
        await lite.use(one.id)
    assert await lite.emergencies.sweep() == 1
    assert (await lite.kinds())[-1] == "emergency.lapsed"


async def test_two_views_at_once_use_a_confirmation_once(bench: Bench):
    """Each in a transaction of its own, at the same moment: one is written, the other is nothing."""
    one = await bench.confirmed(await bench.share())
    used, refused = [], []

    async def try_to_use(view):
        try:
            await bench.use(one.id, by=view)
            used.append(view)
        except ConflictError:
            refused.append(view)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(try_to_use, f"ses_{str(number) * 26}")

    assert (len(used), len(refused)) == (1, 3)
    assert (await bench.rows.get(one.id)).used_by == used[0]
    assert len(bench.owners.told) == 1


async def test_a_confirmation_is_used_once(bench: Bench):
    """A second view cannot be written on it, and is not decided on it."""
    need = await bench.share()
    one = await bench.confirmed(need)
    await bench.use(one.id)

    with pytest.raises(ConflictError):
        await bench.use(one.id, by="ses_" + "2" * 26)

    assert await bench.emergencies.second_of(ASKER.person_id, need, one.id) == ""
    assert await bench.emergencies.second_of(ASKER.person_id, need, one.id, used_by="ses_" + "2" * 26) == ""
    assert len(bench.owners.told) == 1


@pytest.mark.parametrize("now", [None, dataclasses.replace(SECOND, roles=frozenset({Role.OPERATOR}))])
async def test_a_second_person_who_lost_the_role_is_no_second_person(lite: Bench, now):
    """Between the yes and the view, and while the view runs."""
    need = await lite.share()
    one = await lite.confirmed(need)
    lite.people.now[SECOND.person_id] = now
    assert await lite.emergencies.second_of(ASKER.person_id, need, one.id) == ""

    await lite.use(one.id)
    assert await lite.emergencies.second_of(ASKER.person_id, need, one.id, used_by=VIEW) == ""


# --- what it is good for


async def test_two_people_are_let_in_once(bench: Bench):
    """Asked, confirmed, used: each a leaf or in the view's own; the running view keeps its second person."""
    need = await bench.share()
    one = await bench.emergencies.ask(ASKER, need)
    assert bench.emergencies.may_answer(SECOND, one)
    assert not bench.emergencies.may_answer(ASKER, one)

    one = await bench.emergencies.confirm(SECOND, one.id)
    assert await bench.emergencies.second_of(ASKER.person_id, need, one.id) == SECOND.person_id
    await bench.use(one.id)
    bench.clock.advance(USE_S)

    assert await bench.emergencies.second_of(ASKER.person_id, need, one.id, used_by=VIEW) == SECOND.person_id
    assert await bench.emergencies.sweep() == 0
    assert await bench.kinds() == ["emergency.asked", "emergency.confirmed"]


async def test_who_asked_and_who_confirmed_is_for_compliance_alone(bench: Bench):
    """Both are in the leaf; the owner reads the role."""
    one = await bench.confirmed(await bench.share())
    query = Query(streams=frozenset({one.place.organisation_id}), kinds=frozenset({"emergency.confirmed"}))

    (seen_by_owner,) = (await bench.w.base.audit.find(query)).entries
    query = dataclasses.replace(query, is_restricted_visible=True)
    (entry,) = (await bench.w.base.audit.find(query)).entries

    assert {"person", "second"}.isdisjoint(seen_by_owner.openings)
    assert seen_by_owner.said("role") == "operator"
    assert (entry.said("person"), entry.said("second")) == (ASKER.person_id, SECOND.person_id)


async def test_the_kind_of_incident_bounds_the_purpose(lite: Bench):
    """Two people cannot say another reason than the incident is a ground for."""
    need = await lite.share()
    lite.incidents.one = dataclasses.replace(lite.incidents.one, kind=IncidentKind.CRASH)

    with pytest.raises(DeniedError):
        await lite.emergencies.ask(ASKER, need)


# --- the centre's decision on a view that shows a word


class OneMember:
    """Everybody the test knows is of the agency, with the roles they have now."""

    def __init__(self, people):
        self.people = people

    async def membership(self, person_id):
        return self.people.now.get(person_id)


def decider_of(bench: Bench) -> SharingDecider:
    """The law, over the words of two people."""
    return SharingDecider(
        decisions=bench.w.decisions,
        incidents=bench.incidents,
        people=OneMember(bench.people),
        emergency=SimpleNamespace(emergencies=bench.emergencies),
    )


async def test_a_view_is_decided_by_the_word_it_shows(bench: Bench):
    """Without a word, with another's, and once it is used: denied, and the remedy named; with it: permitted for two."""
    decider = decider_of(bench)
    need = await bench.share()
    one = await bench.confirmed(need)
    question = ViewQuestion(
        principal=ASKER, camera_id=need.camera_id, purpose=need.purpose, incident_id=need.incident_id
    )
    with_word = dataclasses.replace(question, confirmation_id=one.id)

    bare = await decider.decide(question)
    other = await decider.decide(dataclasses.replace(with_word, purpose="investigation"))
    permit = await decider.decide(with_word)
    await bench.use(one.id)
    again = await decider.decide(with_word)
    running = await decider.decide(dataclasses.replace(with_word, without_session=VIEW))

    assert isinstance(bare, ViewDeny)
    assert bare.remedy is Remedy.TWO_PERSONS
    assert isinstance(other, ViewDeny)
    assert isinstance(again, ViewDeny)
    for found in (permit, running):
        assert isinstance(found, ViewPermit)
        assert (found.second_id, found.ground) == (SECOND.person_id, "two_persons")
        assert found.facts.is_second_person_present
        assert found.obligations["second_person"] is True
        assert (found.obligations["after_action"], found.obligations["notify"]) == (True, "now")


async def test_a_still_is_decided_by_the_word_it_shows(bench: Bench):
    """Named as a way, confirmed, permitted for two; the word to a still is none to a live view."""
    decider = decider_of(bench)
    live = await bench.share()
    bare = ViewQuestion(
        principal=ASKER, camera_id=live.camera_id, purpose=live.purpose, incident_id=live.incident_id, is_still=True
    )
    denied = await decider.decide(bare)
    one = await bench.confirmed(dataclasses.replace(live, act="still.take"))
    with_word = dataclasses.replace(bare, confirmation_id=one.id)

    permit = await decider.decide(with_word)
    of_now = await decider.decide(dataclasses.replace(with_word, is_still=False))

    assert isinstance(denied, ViewDeny)
    assert Remedy.TWO_PERSONS in denied.remedies
    assert isinstance(permit, ViewPermit)
    assert (permit.second_id, permit.caps.seconds) == (SECOND.person_id, 1)
    assert isinstance(of_now, ViewDeny)


async def test_a_look_back_is_decided_by_the_word_it_shows(bench: Bench):
    """Offered, then permitted with the word for exactly the confirmed range, whatever moment is pressed; used once."""
    decider = decider_of(bench)
    await bench.share()
    live = bench.need()
    about = {"camera_id": live.camera_id, "purpose": live.purpose, "incident_id": live.incident_id}
    law = SharingEmergencyLaw(decisions=bench.w.decisions, incidents=bench.incidents)
    need = await law.recorded(ASKER, **about, at=bench.clock.now())
    bare = ViewQuestion(principal=ASKER, **about, wanted_at=bench.clock.now())
    denied = await decider.decide(bare)
    one = await bench.confirmed(need)
    with_word = dataclasses.replace(bare, confirmation_id=one.id, wanted_at=bench.clock.now() - timedelta(hours=1))
    permit = await decider.decide(with_word)
    of_now = await decider.decide(dataclasses.replace(with_word, wanted_at=None))
    await bench.use(one.id)
    again = await decider.decide(with_word)
    footage = Span(need.t0, need.t1)
    running = await decider.decide(dataclasses.replace(with_word, without_session=VIEW, footage=footage))

    assert isinstance(denied, ViewDeny)
    assert Remedy.TWO_PERSONS in denied.remedies
    for refused in (of_now, again):
        assert isinstance(refused, ViewDeny)
    for found in (permit, running):
        assert isinstance(found, ViewPermit)
        assert found.footage == footage
        assert (found.second_id, found.facts.is_second_person_present) == (SECOND.person_id, True)
