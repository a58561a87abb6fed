"""A second person is asked for, and confirms: what cannot be asked for, and who cannot confirm."""

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.emergency import CONFIRM_S, State
from gateway.emergency.service import MOST_OPEN
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, LimitedError, NotFoundError
from gateway.kernel.principal import Role
from policies.clauses import Live
from tests.support.emergencies import ASKER, SECOND, Bench

pytestmark = pytest.mark.anyio


# --- what cannot be asked for


async def test_an_owner_who_did_not_allow_it_is_not_overruled(bench: Bench):
    """Nothing to confirm comes of it; that somebody asked is in the owner's log."""
    need = await bench.share(emergency=False)

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await bench.emergencies.ask(ASKER, need)

    assert await bench.emergencies.waiting(ASKER) == []
    assert await bench.kinds() == ["emergency.refused"]


async def test_the_ordinance_is_not_overruled(lite: Bench):
    """Two people do not lift a guard-rail: the purpose it forbids stays forbidden."""
    need = await lite.share()

    with pytest.raises(DeniedError):
        await lite.emergencies.ask(ASKER, dataclasses.replace(need, purpose="immigration"))


async def test_an_exclusion_is_not_overruled(lite: Bench):
    """For whom the owner excluded there is no camera, with how many people ever."""
    need = await lite.share(excluded=frozenset({f"unit:{ASKER.organisation_id}/rtcc"}))

    with pytest.raises(NotFoundError):
        await lite.emergencies.ask(ASKER, need)


async def test_a_pause_is_not_overruled(lite: Bench):
    """Whoever paused the site meant it."""
    need = await lite.share()
    lite.w.agents.change(lite.agent, is_paused=True)

    with pytest.raises(DeniedError):
        await lite.emergencies.ask(ASKER, need)


async def test_the_agency_s_own_rules_are_not_overruled(lite: Bench):
    """A password alone watches nothing, with how many people ever."""
    need = await lite.share()
    weak = dataclasses.replace(ASKER, factors=frozenset({"password"}))

    with pytest.raises(DeniedError):
        await lite.emergencies.ask(weak, need)


async def test_a_closed_incident_is_no_emergency(lite: Bench):
    """Live access in an emergency needs one that goes on."""
    need = await lite.share()
    over = lite.incidents.one.closed(lite.clock.now() - timedelta(hours=1))
    lite.incidents.one = over

    with pytest.raises(DeniedError):
        await lite.emergencies.ask(ASKER, need)


async def test_what_is_available_needs_no_second_person(lite: Bench):
    """Nothing is asked for, and nothing is owed for it."""
    need = await lite.share(live=Live.ALWAYS)

    with pytest.raises(ConflictError, match="without a second person"):
        await lite.emergencies.ask(ASKER, need)


@pytest.mark.parametrize("changes", [{"act": "ptz.move"}, {"incident_id": ""}])
async def test_what_no_second_person_confirms(lite: Bench, changes: dict[str, str]):
    """Only a view or a recording, and only for an incident."""
    need = await lite.share()

    with pytest.raises(InvalidError):
        await lite.emergencies.ask(ASKER, dataclasses.replace(need, **changes))


async def test_asking_twice_asks_once(bench: Bench):
    """One open question per person, camera and incident; a second press finds the first."""
    need = await bench.share()

    first, second = await bench.emergencies.ask(ASKER, need), await bench.emergencies.ask(ASKER, need)

    assert first == second
    assert await bench.kinds() == ["emergency.asked"]


async def test_one_person_does_not_fill_the_list_of_what_waits(bench: Bench):
    """What is over makes room again."""
    need = await bench.share()
    for number in range(MOST_OPEN):
        await bench.emergencies.ask(ASKER, need)
        async with bench.database.unit_of_work() as unit:
            await unit.session.execute(text("UPDATE emergency_confirmation SET camera_id = :c WHERE camera_id = :w"),
                {"c": f"cam_other{number}", "w": need.camera_id})  # fmt: skip
            await unit.commit(unaudited="a test: it was another camera's")

    with pytest.raises(LimitedError):
        await bench.emergencies.ask(ASKER, need)

    bench.clock.advance(CONFIRM_S)
    assert (await bench.emergencies.ask(ASKER, need)).state is State.ASKED


async def test_two_questions_at_once_are_one(bench: Bench):
    """The schema holds it too, for two presses at the same moment."""
    need = await bench.share()
    one = await bench.emergencies.ask(ASKER, need)

    with pytest.raises(ConflictError):
        async with bench.database.unit_of_work() as unit:
            await bench.rows.add(unit, dataclasses.replace(one, id="emg_" + "7" * 26))


# --- who cannot confirm


async def test_nobody_confirms_themselves(bench: Bench):
    """Not even a supervisor who asked."""
    need = await bench.share()
    asker = dataclasses.replace(ASKER, roles=frozenset({Role.SUPERVISOR}))
    one = await bench.emergencies.ask(asker, need)

    with pytest.raises(DeniedError, match="Somebody else"):
        await bench.emergencies.confirm(asker, one.id)

    assert (await bench.emergencies.confirmation(ASKER, one.id)).state is State.ASKED
    assert (await bench.kinds())[-1] == "emergency.refused"


async def test_a_question_is_read_by_those_it_concerns(lite: Bench):
    """Who asked, who could confirm however they signed in, compliance; another operator with its id finds nothing."""
    one = await lite.emergencies.ask(ASKER, await lite.share())
    weakly = dataclasses.replace(SECOND, factors=frozenset({"password"}))
    compliance = dataclasses.replace(SECOND, roles=frozenset({Role.COMPLIANCE}))
    for reader in (ASKER, SECOND, weakly, compliance):
        assert await lite.emergencies.confirmation(reader, one.id) == one

    with pytest.raises(NotFoundError):
        await lite.emergencies.confirmation(dataclasses.replace(SECOND, roles=frozenset({Role.OPERATOR})), one.id)


@pytest.mark.parametrize(
    "changes",
    [{"roles": frozenset({Role.OPERATOR})}, {"roles": frozenset({Role.ADMIN})}, {"factors": frozenset({"password"})}],
)
async def test_who_may_not_be_the_second_person(lite: Bench, changes):
    """The role the agency names, signed in as surely as the first."""
    one = await lite.emergencies.ask(ASKER, await lite.share())

    with pytest.raises(DeniedError, match="does not allow"):
        await lite.emergencies.confirm(dataclasses.replace(SECOND, **changes), one.id)


async def test_another_agency_s_people_do_not_know_of_it(lite: Bench):
    """The same answer as for a question that does not exist."""
    one = await lite.emergencies.ask(ASKER, await lite.share())
    stranger = dataclasses.replace(SECOND, organisation_id="age_" + "2" * 26)

    for attempt in (lite.emergencies.confirm(stranger, one.id), lite.emergencies.decline(stranger, one.id)):
        with pytest.raises(NotFoundError):
            await attempt


async def test_one_browser_is_not_both_people(lite: Bench):
    """Signing in as somebody else ends the session that asked, and a question without its session is over."""
    one = await lite.emergencies.ask(ASKER, await lite.share())
    lite.people.sessions.discard(ASKER.session_ref)

    with pytest.raises(ConflictError, match="signed out"):
        await lite.emergencies.confirm(SECOND, one.id)


async def test_a_question_that_is_over_is_not_confirmed(bench: Bench):
    """Five minutes after it was asked, and once it was declined."""
    need = await bench.share()
    late = await bench.emergencies.ask(ASKER, need)
    bench.clock.advance(CONFIRM_S)
    with pytest.raises(ConflictError):
        await bench.emergencies.confirm(SECOND, late.id)

    again = await bench.emergencies.ask(ASKER, need)
    await bench.emergencies.decline(SECOND, again.id)
    with pytest.raises(ConflictError):
        await bench.emergencies.confirm(SECOND, again.id)
    assert await bench.kinds() == [
        "emergency.asked", "emergency.lapsed", "emergency.asked", "emergency.declined",
    ]  # fmt: skip


async def test_what_the_owner_took_back_meanwhile_is_not_confirmed(lite: Bench):
    """Every layer is asked again at the yes."""
    one = await lite.emergencies.ask(ASKER, await lite.share())
    await lite.answer(emergency=False)

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await lite.emergencies.confirm(SECOND, one.id)


async def test_the_first_person_s_standing_is_read_again(lite: Bench):
    """Whoever lost their role after asking gets no second person."""
    one = await lite.emergencies.ask(ASKER, await lite.share())
    lite.people.now[ASKER.person_id] = dataclasses.replace(ASKER, roles=frozenset({Role.COMPLIANCE}))

    with pytest.raises(DeniedError):
        await lite.emergencies.confirm(SECOND, one.id)
