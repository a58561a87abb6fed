"""Emergency access by two people: who does not get it, what a second person's word is good for, and what is written."""

import dataclasses
from datetime import timedelta
from types import SimpleNamespace

import anyio
import pytest
from sqlalchemy import text

from gateway.app.emergency import SharingEmergencyLaw
from gateway.app.live import SharingDecider
from gateway.audit import Query
from gateway.emergency import CONFIRM_S, USE_S, Confirmation, Emergencies, Need, State
from gateway.emergency.service import MOST_OPEN
from gateway.emergency.store import SqlConfirmations
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, LimitedError, NotFoundError
from gateway.kernel.principal import Role
from gateway.live import ViewDeny, ViewPermit, ViewQuestion
from policies.clauses import Live
from policies.vocabulary import IncidentKind, Remedy
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio
ASKER = dataclasses.replace(operator(), session_ref="a" * 64)
SECOND = dataclasses.replace(
    operator(), person_id="per_" + "8" * 26, roles=frozenset({Role.SUPERVISOR}), session_ref="b" * 64
)
VIEW = "ses_" + "1" * 26


class FakePeople:
    """The agency's people as a test says."""

    def __init__(self):
        self.now = {one.person_id: one for one in (ASKER, SECOND)}
        self.sessions = {ASKER.session_ref, SECOND.session_ref}

    async def as_they_are(self, person_id, factors):
        found = self.now.get(person_id)
        return dataclasses.replace(found, factors=factors) if found else None

    async def is_signed_in(self, session_ref):
        return session_ref in self.sessions


class FakeIncidents:
    """One incident."""

    def __init__(self, one):
        self.one = one

    async def incident(self, principal, incident_id):
        if (self.one.id, self.one.agency_id) != (incident_id, principal.organisation_id):
            raise NotFoundError("There is no such incident.")
        return self.one


class ToldOwners:
    """Remembers what owners were told."""

    def __init__(self):
        self.told: list[Confirmation] = []

    async def tell(self, unit, confirmation):
        del unit
        self.told.append(confirmation)


class Bench:
    """A shop that is shared live by two people alone, and everything around emergency access."""

    def __init__(self, database, clock, ids):
        self.w = sharing_world(database, clock=clock, ids=ids)
        self.database, self.clock = database, clock
        self.people, self.owners, self.incidents = FakePeople(), ToldOwners(), FakeIncidents(incident(clock))
        self.rows = SqlConfirmations(database)
        self.emergencies = Emergencies(
            database=database,
            rows=self.rows,
            law=SharingEmergencyLaw(decisions=self.w.decisions, incidents=self.incidents),
            people=self.people,
            owners=self.owners,
            log=self.w.base.audit,
            publisher=self.w.base.bus,
            clock=clock,
            ids=ids,
        )

    async def share(self, **changes):
        """The owner's answers, in force."""
        self.owner, self.site, self.cameras = await self.w.shop()
        self.agent = self.w.pair(self.site, self.cameras)
        await self.answer(**changes)
        return self.need()

    async def answer(self, **changes):
        said = {"live": Live.NEVER, "emergency": True} | changes
        await self.w.answer(self.owner, self.site, dataclasses.replace(usual(*self.cameras), **said))
        await self.w.deliver(self.agent)

    def need(self, **changes):
        """A live view of the first camera for the incident."""
        usual_need = {
            "camera_id": self.cameras[0].id,
            "act": "live.view",
            "purpose": "violent_crime",
            "incident_id": self.incidents.one.id,
        }
        return Need(**{**usual_need, **changes})

    async def confirmed(self, need):
        one = await self.emergencies.ask(ASKER, need)
        return await self.emergencies.confirm(SECOND, one.id)

    async def use(self, confirmation_id, *, by=VIEW):
        async with self.database.unit_of_work() as unit:
            await self.emergencies.use(unit, confirmation_id, by=by)
            await unit.commit(unaudited="a test: the view has the leaf")

    async def kinds(self):
        found = await self.w.base.audit.find(Query(), limit=200)
        return [e.kind for e in reversed(found.entries) if e.kind.startswith("emergency.")]


@pytest.fixture
async def bench(database, clock, ids):
    """On both databases."""
    return Bench(database, clock, ids)


@pytest.fixture
async def lite(sqlite_database, clock, ids):
    """Where the engine is not the question."""
    return Bench(sqlite_database, clock, ids)


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


async def test_a_view_is_decided_by_the_word_it_shows(bench: Bench):
    """Without a word, with another's, and once it is used: denied, and the remedy named; with it: permitted for two."""
    decider = SharingDecider(
        decisions=bench.w.decisions,
        incidents=bench.incidents,
        people=OneMember(bench.people),
        emergency=SimpleNamespace(emergencies=bench.emergencies),
    )
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
