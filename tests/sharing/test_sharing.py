"""Answers, documents and the centre's decisions together, on both databases."""

import dataclasses

import anyio
import pytest
from msgspec import structs

from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, PreconditionError
from gateway.sharing import WISH, Availability, Question, Standing, Step
from partner_agent.wire.documents import Position
from partner_agent.wire.limits import APPROVE_BY_S
from policies.clauses import Live, Preset, Recordings, Where
from policies.model import read_policy
from policies.request import Deny, Permit
from policies.vocabulary import Act, Origin, Purpose, Reason, Remedy
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


async def ask(w, camera, **changes):
    """The centre's answer to an operator who wants to watch for an incident nearby."""
    usual_question = {
        "principal": operator(),
        "camera_id": camera.id,
        "act": Act.LIVE_VIEW,
        "purpose": "violent_crime",
        "incident": incident(w.clock),
    }
    return await w.decisions.decide_for(Question(**{**usual_question, **changes}))


async def connected(w, **options):
    """A shop whose site is paired, answered for and in force."""
    owner, site, cameras = await w.shop(**options)
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    assert await w.deliver(agent) == ["ack"]
    return owner, site, cameras, agent


async def test_nothing_is_shared_before_anything_was_said(w):
    """A camera on the list, without answers, is not even known."""
    _, _, cameras = await w.shop()

    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])


async def test_answers_alone_share_nothing_but_the_place(w):
    """Before a site acknowledged a document, its cameras are on the map and nothing more."""
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))

    answer = (await ask(w, cameras[0])).decision
    assert isinstance(answer, Deny)
    assert answer.reason is Reason.NOT_SHARED
    near = await w.listing.list_near(operator(), incident(w.clock), purpose="violent_crime", radius_m=500, most=10)
    assert [view.availability for view in near] == [Availability.NOT_AVAILABLE] * 2


async def test_an_unknown_camera_and_one_that_may_not_be_known_are_the_same(w):
    """A home without an incident is answered as a camera that is not there."""
    owner, site, cameras = await w.shop(people_live_here=True)
    await w.answer(owner, site, usual(*cameras, is_home=True))
    await w.deliver(w.pair(site, cameras))

    errors = []
    for name, told in ((cameras[0].id, None), ("cam_" + "0" * 26, incident(w.clock))):
        with pytest.raises(NotFoundError) as error:
            await ask(w, structs.replace(cameras[0], id=name), incident=told)
        errors.append(error.value.sentence)
    assert errors[0] == errors[1]
    assert isinstance((await ask(w, cameras[0])).decision, Permit)


async def test_from_answers_to_a_permit(w):
    """Answered, proposed, approved on site, acknowledged: then an operator may watch during an incident nearby."""
    owner, site, cameras, agent = await connected(w)

    decided = await ask(w, cameras[1])
    assert isinstance(decided.decision, Permit)
    assert decided.decision.caps.seconds == 1800
    assert decided.snapshot.local_camera == "local-1"
    assert decided.snapshot.agent_id == agent
    assert decided.snapshot.policy_sha256 == w.agents.held[agent].sha256
    assert (await w.sharing.view(owner, site.id)).standing is Standing.IN_FORCE
    assert await w.base.kinds(site.id) == [
        "site.added", "camera.added", "camera.added", "policy.saved", "policy.sent"
    ]  # fmt: skip


DENIALS = {
    "no incident": ({"incident": None}, Reason.CONDITION, Remedy.LINK_INCIDENT),
    "another purpose": ({"purpose": "fire"}, Reason.PURPOSE_MISMATCH, Remedy.NONE),
    "a forbidden purpose": ({"purpose": "immigration", "incident": None}, Reason.GUARDRAIL, Remedy.NONE),
    "moving the camera": ({"act": Act.PTZ_MOVE}, Reason.ACT, Remedy.NONE),
    "a password alone": (
        {"principal": dataclasses.replace(operator(), factors=frozenset({"password"}))}, Reason.AGENCY, Remedy.NONE
    ),
    "a clip without the owner's yes": ({"act": Act.CLIP_FETCH}, Reason.RANGE_MISSING, Remedy.NONE),
}  # fmt: skip


@pytest.mark.parametrize("name", DENIALS)
async def test_each_way_to_be_refused(w, name):
    """The centre refuses for the reason that holds, and offers what the owner offers."""
    changes, reason, remedy = DENIALS[name]
    _, _, cameras, _ = await connected(w)

    answer = (await ask(w, cameras[0], **changes)).decision
    assert isinstance(answer, Deny)
    assert (answer.reason, answer.remedy) == (reason, remedy)


async def test_a_purpose_that_is_no_word_is_refused(w):
    """Free text is no purpose."""
    _, _, cameras, _ = await connected(w)

    with pytest.raises(InvalidError):
        await ask(w, cameras[0], purpose="because")


async def test_less_counts_at_once_and_is_pending_until_the_site_confirms(w):
    """Switching a camera off denies from the save on; the site's ack ends the waiting."""
    owner, site, cameras, agent = await connected(w)

    await w.sharing.switch(owner, cameras[0], is_on=False)

    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])
    assert isinstance((await ask(w, cameras[1])).decision, Permit)
    assert (await ask(w, cameras[1])).snapshot.pending
    assert w.agents.nudged[-1] == agent
    assert (await w.sharing.view(owner, site.id)).standing is Standing.TO_CONFIRM
    assert await w.deliver(agent) == ["ack"]
    assert (await w.sharing.view(owner, site.id)).standing is Standing.IN_FORCE
    assert not (await ask(w, cameras[1])).snapshot.pending
    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])


async def test_more_waits_for_approval_on_site(w):
    """Switching on again is a proposal: nothing changes until the site acknowledges it."""
    owner, site, cameras, agent = await connected(w)
    await w.sharing.switch(owner, cameras[0], is_on=False)
    await w.deliver(agent)

    await w.sharing.switch(owner, cameras[0], is_on=True)

    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert (await w.sharing.view(owner, site.id)).standing is Standing.TO_APPROVE
    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])
    assert await w.deliver(agent) == ["ack"]
    assert isinstance((await ask(w, cameras[0])).decision, Permit)


async def test_off_and_on_before_the_site_confirmed_sends_the_off_first(w):
    """A pending narrowing is kept until acknowledged; what undoes it is a proposal after it."""
    owner, _, cameras, agent = await connected(w)
    await w.sharing.switch(owner, cameras[0], is_on=False)
    await w.sharing.switch(owner, cameras[0], is_on=True)

    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])
    first = await w.outbox.due(agent, w.agents.held[agent])
    assert first[0].document["approve_by"] is None
    assert await w.deliver(agent) == ["ack", "ack"]
    assert isinstance((await ask(w, cameras[0])).decision, Permit)


async def test_less_and_more_in_one_save(w):
    """What is less counts at once, what is more waits, and the rest stays as it was."""
    owner, site, cameras, agent = await connected(w)
    more = dataclasses.replace(usual(cameras[1]), live=Live.ALWAYS)

    preview = await w.sharing.preview(owner, site.id, [more])
    assert preview.needs_approval
    assert preview.is_at_once
    assert {change.kind for change in preview.changes} == {"more", "less"}
    await w.answer(owner, site, more)

    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])
    assert isinstance((await ask(w, cameras[1])).decision, Permit)
    assert isinstance((await ask(w, cameras[1], incident=None)).decision, Deny)
    assert await w.deliver(agent) == ["ack", "ack"]
    assert isinstance((await ask(w, cameras[1], incident=None)).decision, Permit)


async def test_a_pending_narrowing_is_rebuilt_on_what_the_site_names(w):
    """The site holds another document than we thought: the narrowing is built on that one."""
    owner, site, cameras, agent = await connected(w)
    first = w.agents.held[agent]
    await w.answer(owner, site, dataclasses.replace(usual(*cameras), live=Live.ALWAYS))
    await w.deliver(agent)
    await w.sharing.switch(owner, cameras[0], is_on=False)
    built = (await w.outbox.due(agent, w.agents.held[agent]))[0].document

    w.agents.held[agent] = first
    await w.say(agent, "stale", first.sha256)
    rebuilt = (await w.outbox.due(agent, first))[0].document

    assert rebuilt["parent_sha256"] == first.sha256 != built["parent_sha256"]
    assert rebuilt["approve_by"] is None
    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])


async def test_the_same_wish_is_the_same_document(w):
    """Asked twice, a document is byte for byte the same; a proposal is made anew once its time is over."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    held = w.agents.held[agent]

    first, second = await w.outbox.due(agent, held), await w.outbox.due(agent, held)
    assert first[0].document == second[0].document
    w.clock.advance(APPROVE_BY_S + 1)
    third = await w.outbox.due(agent, held)
    assert third[0].document != first[0].document
    assert third[0].pack["id"] == "open_city_1"


async def test_a_refused_proposal_is_not_sent_again(w):
    """The site's no stands until something changes."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    sent = await w.outbox.due(agent, w.agents.held[agent])
    (waiting,) = await w.rows.waiting(agent)
    await w.say(agent, "refused", waiting.sha256, code="dead")

    assert waiting.step is Step.PROPOSAL
    assert sent
    assert await w.outbox.due(agent, w.agents.held[agent]) == []
    assert (await w.sharing.view(owner, site.id)).standing is Standing.REFUSED
    await w.answer(owner, site, usual(cameras[0]))
    assert await w.outbox.due(agent, w.agents.held[agent])


@pytest.mark.parametrize("code", ["on_site_only", "approval_invalid", "another_owner", "busy"])
async def test_a_refused_touch_leaves_the_proposal_where_it_is(w, code):
    """A touch that did not count refuses nothing: the proposal still waits, and is the same when it is sent again."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    sent = await w.outbox.due(agent, w.agents.held[agent])
    (waiting,) = await w.rows.waiting(agent)
    await w.say(agent, "refused", waiting.sha256, code=code)

    assert (await w.sharing.view(owner, site.id)).standing is Standing.TO_APPROVE
    assert await w.outbox.due(agent, w.agents.held[agent]) == sent
    assert await w.deliver(agent) == ["ack"]


async def test_a_new_lineage_starts_at_nothing_shared(w):
    """After a reinstall the old document counts for nothing, at the centre too."""
    _, _, cameras, agent = await connected(w)
    w.agents.change(agent, lineage="b" * 32)

    answer = (await ask(w, cameras[0])).decision if await _known(w, cameras[0]) else None

    assert answer is None or answer.reason is Reason.NOT_SHARED
    due = await w.outbox.due(agent, Position.nothing("b" * 32))
    assert (due[0].document["seq"], due[0].document["lineage"]) == (1, "b" * 32)


async def _known(w, camera):
    return await w.listing.is_known(operator(), camera, purpose="violent_crime", incident=incident(w.clock))


async def test_two_saves_at_once_lose_nothing(w):
    """Of two people who saved from the same page, the second is told; the first one's answers stand."""
    owner, site, cameras, _ = await connected(w)
    told = []

    async def save(clause):
        try:
            await w.sharing.save(owner, site.id, [clause], made_from=1)
        except ConflictError as error:
            told.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(save, usual(cameras[0]))
        group.start_soon(save, usual(cameras[1]))

    answers = await w.rows.answers(site.id)
    assert len(told) == 1
    assert answers.version == 2
    assert len(answers.clauses[0].cameras) == 1


async def test_the_first_save_happens_once(w):
    """Two first saves of a site: one of them is told."""
    owner, site, cameras = await w.shop()
    await w.sharing.save(owner, site.id, [usual(*cameras)], made_from=0)

    with pytest.raises(ConflictError):
        await w.sharing.save(owner, site.id, [usual(cameras[0])], made_from=0)


async def test_another_owners_site_and_camera_are_not_there(w):
    """Looking, previewing, saving and switching: the same answer as for what does not exist."""
    _, site, cameras, _ = await connected(w)
    other, mine, theirs = await w.shop("bo@example.org")

    for attempt in (
        w.sharing.view(other, site.id),
        w.sharing.preview(other, site.id, [usual(*cameras)]),
        w.sharing.save(other, site.id, [usual(*cameras)], made_from=1),
        w.sharing.save(other, mine.id, [usual(*cameras)], made_from=0),
        w.sharing.switch(other, cameras[0], is_on=False),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert theirs


async def test_without_the_agreement_nothing_can_be_answered(w):
    """Sharing stands on the accepted agreement."""
    owner = await w.base.owner("cy@example.org")
    site = await w.base.site(owner)

    with pytest.raises(PreconditionError):
        await w.sharing.save(owner, site.id, [], made_from=0)


async def test_a_camera_without_answers_has_nothing_to_switch(w):
    """The switch needs answers first."""
    owner, site, cameras, _ = await connected(w)
    await w.answer(owner, site, usual(cameras[0]))

    with pytest.raises(PreconditionError):
        await w.sharing.switch(owner, cameras[1], is_on=True)
    await w.sharing.switch(owner, cameras[0], is_on=True)
    assert (await w.rows.answers(site.id)).version == 2


async def test_too_many_different_answers_are_refused(w):
    """A document is not a wish list without end."""
    owner, site, cameras, _ = await connected(w)
    clauses = [dataclasses.replace(usual(cameras[0]), radius_m=300 + n) for n in range(33)]

    with pytest.raises(InvalidError):
        await w.sharing.save(owner, site.id, clauses, made_from=1)


async def test_the_network_switch_denies_everything(w):
    """Suspended: nothing is released anywhere; resumed: as before. Both are leaves."""
    _, _, cameras, _ = await connected(w)
    admin = dataclasses.replace(operator(), person_id="per_" + "8" * 26)
    before = (await ask(w, cameras[0])).snapshot.network

    await w.sharing.suspend(admin, is_suspended=True)
    assert await w.sharing.is_suspended()
    assert (await ask(w, cameras[0])).decision.reason is Reason.SUSPENDED
    await w.sharing.suspend(admin, is_suspended=False)

    assert (await ask(w, cameras[0])).snapshot.network == before + 2


async def test_a_paused_site_and_a_withdrawn_partner_share_nothing(w):
    """Both end every release at the centre."""
    owner, _, cameras, agent = await connected(w)
    w.agents.change(agent, is_paused=True)
    assert (await ask(w, cameras[0])).decision.reason is Reason.PAUSED
    w.agents.change(agent, is_paused=False)
    assert isinstance((await ask(w, cameras[0])).decision, Permit)
    await w.base.partners.withdraw(owner)
    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])


async def test_unticking_a_camera_counts_at_once(w):
    """A camera that the owner unticked leaves the document, and is refused before the site confirms."""
    _, _, cameras, agent = await connected(w)
    w.agents.ticks[agent] = {cameras[1].id: "local-1"}

    due = await w.outbox.due(agent, w.agents.held[agent])

    assert [camera.id for camera in read_policy(due[0].document).cameras] == ["local-1"]
    assert due[0].document["approve_by"] is None
    answer = (await ask(w, cameras[0])).decision
    assert isinstance(answer, Deny)
    assert (await ask(w, cameras[1])).snapshot.pending


async def test_every_change_bumps_the_generation_and_wakes(w):
    """Whoever holds running views hears of each change of what a site shares."""
    owner, site, cameras, agent = await connected(w)
    before = (await w.base.database.generations_since(0)).platform

    with w.base.bus.subscribe(f"sharing.{site.id}") as news:
        await w.sharing.switch(owner, cameras[0], is_on=False)
        assert (await news.get()).ref == site.id
        await w.deliver(agent)
        assert (await news.get()).ref == site.id
    reading = await w.base.database.generations_since(before)
    assert (reading.platform, reading.changed) == (before + 2, {site.id})


async def test_the_list_tells_operators_no_more_than_they_may_read(w):
    """Available, available if, or not available; nearest first; homes only with an incident nearby."""
    _, _, shops, _ = await connected(w)
    owner, site, homes = await w.shop("bo@example.org", people_live_here=True)
    await w.answer(
        owner,
        site,
        usual(homes[0], preset=Preset.ASK_ME, is_home=True),
        dataclasses.replace(usual(homes[1], is_home=True), live=Live.NEVER),
    )
    await w.deliver(w.pair(site, homes))

    async def listed(**changes):
        near = await w.listing.list_near(
            operator(), incident(w.clock, **changes), purpose="violent_crime", radius_m=500, most=10
        )
        return {view.camera.id: (view.availability, view.remedies) for view in near}

    assert await listed() == {
        shops[0].id: (Availability.AVAILABLE, ()),
        shops[1].id: (Availability.AVAILABLE, ()),
        homes[0].id: (Availability.AVAILABLE_IF, (Remedy.ASK,)),
        homes[1].id: (Availability.NOT_AVAILABLE, ()),
    }
    assert await listed(origin=Origin.HAND) == {shop.id: (Availability.NOT_AVAILABLE, ()) for shop in shops}


async def test_the_list_says_what_the_decision_says(w):
    """Each camera that the list calls available is permitted, every other one refused."""
    _, _, cameras, _ = await connected(w)
    near = await w.listing.list_near(operator(), incident(w.clock), purpose="violent_crime", radius_m=500, most=10)

    for view in near:
        permitted = isinstance((await ask(w, view.camera)).decision, Permit)
        assert permitted is (view.availability is Availability.AVAILABLE)
    assert len(near) == len(cameras)


async def test_what_is_said_is_what_was_answered(w):
    """The owner's page says the policy in the owner's names."""
    owner, site, cameras, _ = await connected(w)
    view = await w.sharing.view(owner, site.id)

    assert any("Front door and Yard live" in sentence for sentence in view.sentences)
    assert view.sentences[0].startswith("City Police can see")
    assert (await w.sharing.view(owner, site.id)).version == 1
    preview = await w.sharing.preview(owner, site.id, [usual(*cameras)])
    assert (preview.changes, preview.needs_approval, preview.is_at_once) == ((), False, False)


async def test_purposes_and_agencies_are_the_owners_choice(w):
    """A clause for one purpose permits that one alone."""
    owner, site, cameras = await w.shop()
    only = dataclasses.replace(usual(*cameras), purposes=frozenset({Purpose.LIFE_SAFETY}), where=Where.SHOWN)
    await w.answer(owner, site, dataclasses.replace(only, recordings=Recordings.NEVER))
    await w.deliver(w.pair(site, cameras))

    assert isinstance((await ask(w, cameras[0], purpose="life_safety")).decision, Permit)
    assert (await ask(w, cameras[0], purpose="violent_crime")).decision.reason is Reason.PURPOSE


async def test_a_decision_says_how_often_its_incident_moved(w):
    """What the site is told of it: the places since it was opened."""
    _, _, cameras, _ = await connected(w)
    told = incident(w.clock)
    twice = dataclasses.replace(told, stops=told.stops * 3)

    assert (await ask(w, cameras[0])).moves == 0
    assert (await ask(w, cameras[0], incident=twice)).moves == 2


async def test_sound_is_whole_or_not_at_all(w):
    """Where the owner ticked it the view has it and a silent one says so; elsewhere asking for it is denied."""
    wish = dataclasses.replace(WISH, audio=True)
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, dataclasses.replace(usual(*cameras, preset=Preset.OPEN), audio=True))
    assert await w.deliver(agent) == ["ack"]

    heard, seen = await ask(w, cameras[0], wish=wish), await ask(w, cameras[0])
    assert isinstance(heard.decision, Permit)
    assert heard.decision.caps.audio
    assert isinstance(seen.decision, Permit)
    assert (seen.decision.caps.audio, seen.may_hear) == (False, True)

    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))
    assert isinstance((await ask(w, cameras[0], wish=wish)).decision, Deny)
    assert not (await ask(w, cameras[0])).may_hear
