"""A request goes the way the table allows, each step is in the log, and a refusal tells nothing about who refused."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest

from gateway.audit import Kind, Query
from gateway.evidence import ClipState
from gateway.evidence.model import NEXT, NOT_AVAILABLE, can_become, words
from gateway.evidence.uploads import LIFE_S
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from gateway.kernel.principal import PrincipalKind, Role
from tests.fakes.evidence import AGENCY, AGENT, ORG, SITE
from tests.support.application import ORIGIN
from tests.support.databases import held
from tests.support.evidence import APPROVAL, OPERATOR, OWNER, EvidenceGateway, create, patch
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_denied_request_is_logged_and_kept_nowhere(gateway: EvidenceGateway):
    """Not permitted at the centre: a leaf, one neutral sentence, no row, and the site hears nothing."""
    gateway.law.is_permitted = False
    with pytest.raises(DeniedError, match=NOT_AVAILABLE):
        await gateway.asked()

    assert await gateway.evidence.list_for(OPERATOR) == []
    assert gateway.sites.kept == []
    page = await gateway.services.audit.find(Query())
    assert [(entry.kind, entry.decision.value) for entry in page.entries] == [("clip.denied", "deny")]


async def test_camera_nobody_may_know_of_is_not_found(sqlite_gateway: EvidenceGateway):
    """A hidden camera and one that does not exist give the same answer."""
    sqlite_gateway.law.place = None
    with pytest.raises(NotFoundError):
        await sqlite_gateway.asked()


@pytest.mark.parametrize(
    ("begin_s", "end_s", "word"),
    [(-60, -60, "four hours"), (-60, -120, "four hours"), (-5 * 3600, -60, "four hours"), (-60, 60, "past")],
)
async def test_impossible_ranges_are_refused(sqlite_gateway: EvidenceGateway, begin_s: int, end_s: int, word: str):
    """Empty, endless and future ranges never reach the law."""
    now = sqlite_gateway.clock.now()
    wanted = sqlite_gateway.wanted(t0=now + timedelta(seconds=begin_s), t1=now + timedelta(seconds=end_s))
    with pytest.raises(InvalidError, match=word):
        await sqlite_gateway.evidence.ask(OPERATOR, wanted)

    assert sqlite_gateway.law.asked == []


async def test_footage_is_kept_before_anybody_decides(gateway: EvidenceGateway):
    """Asking holds the footage at once and puts the question before the owner."""
    request = await gateway.asked()

    assert (request.state, request.held_until) == (ClipState.HELD, gateway.clock.now() + timedelta(hours=72))
    assert gateway.sites.kept == [(request.id, True)]
    assert await gateway.kinds(request) == ["clip.requested", "clip.preserved"]


async def test_absent_site_is_told_when_it_is_back(gateway: EvidenceGateway):
    """A request for a site that is away waits, and is kept by the next tick that finds it."""
    gateway.sites.is_there = False
    request = await gateway.asked()
    assert request.state is ClipState.REQUESTED
    await gateway.evidence.tick()
    gateway.sites.is_there = True
    await gateway.evidence.tick()

    assert (await gateway.evidence.get(request.id)).state is ClipState.HELD


async def test_refused_hold_is_said(sqlite_gateway: EvidenceGateway):
    """A site that cannot keep the footage says so; the request goes on."""
    sqlite_gateway.sites.keep_code = "limit"
    request = await sqlite_gateway.asked()

    assert (request.state, request.held_until) == (ClipState.HELD, None)
    assert "could not promise" in words(request.state, request.cause, is_held=False)


async def test_yes_sends_the_grant_with_what_the_owner_signed(gateway: EvidenceGateway):
    """An approval leads to the site, under a session of its own, with an upload address."""
    request = await gateway.approved()
    released, url, token = gateway.sites.released[-1]

    assert request.state is ClipState.CUTTING
    assert released.approval == APPROVAL
    assert released.session_id.startswith("ses_")
    assert "/uploads/upl_" in url
    assert len(token) == 64
    assert (await gateway.kinds(request))[-2:] == ["clip.approved", "clip.accepted"]


async def test_standing_clause_says_yes_by_itself(sqlite_gateway: EvidenceGateway):
    """Where the owner's rules need no question, the grant goes out at once, and the leaf says why."""
    sqlite_gateway.law.needs_owner = False
    request = await sqlite_gateway.asked()

    assert request.state is ClipState.CUTTING
    assert request.approval is None
    assert sqlite_gateway.sites.kept == [(request.id, False)]


async def test_yes_without_a_signature_is_refused(sqlite_gateway: EvidenceGateway):
    """A yes is what the owner signed, not a click."""
    request = await sqlite_gateway.asked()
    with pytest.raises(InvalidError, match="signed"):
        await sqlite_gateway.evidence.answer(OWNER, request.id, is_yes=True, approval=None)

    assert sqlite_gateway.sites.released == []


async def test_only_the_owners_organisation_answers(sqlite_gateway: EvidenceGateway):
    """Another organisation's owner does not even learn that there is a request."""
    request = await sqlite_gateway.asked()
    stranger = replace(OWNER, organisation_id="org_" + "z" * 26)
    with pytest.raises(NotFoundError):
        await sqlite_gateway.evidence.answer(stranger, request.id, is_yes=False, approval=None)


async def test_no_frees_the_footage_and_tells_the_operator_nothing(gateway: EvidenceGateway):
    """A decline lets go of the hold; the operator reads what they read after an expiry."""
    request = await gateway.asked()
    declined = await gateway.evidence.answer(OWNER, request.id, is_yes=False, approval=None)

    assert declined.state is ClipState.DECLINED
    assert gateway.sites.let_gone == [request.id]
    assert words(ClipState.DECLINED, "declined") == words(ClipState.EXPIRED, "expired") == NOT_AVAILABLE
    assert (await gateway.kinds(request))[-1] == "clip.declined"


async def test_second_answer_is_a_conflict(gateway: EvidenceGateway):
    """A no after a yes, or a second yes, changes nothing."""
    request = await gateway.approved()
    for is_yes in (True, False):
        with pytest.raises(ConflictError):
            await gateway.evidence.answer(OWNER, request.id, is_yes=is_yes, approval=APPROVAL)

    assert len(gateway.sites.released) == 1


async def test_answer_given_on_site_counts(gateway: EvidenceGateway):
    """The owner's yes at the agent carries the site's signature into the grant; another site's word does not."""
    request = await gateway.asked()
    await gateway.evidence.site_answered("agt_" + "z" * 26, request.document_sha256, is_yes=True, token="t")
    assert gateway.sites.released == []
    await gateway.evidence.site_answered(AGENT, request.document_sha256, is_yes=True, token="t")
    assert (await gateway.evidence.get(request.id)).state is ClipState.APPROVED  # whoever reads the link never waits
    await gateway.evidence.tick()

    assert gateway.sites.released[-1][0].approval == {
        "label": "lenspact/clip/v1",
        "document": request.document,
        "site_token": "t",
    }


async def test_unanswered_request_expires(gateway: EvidenceGateway):
    """After three days without an answer the request is over and the footage is free."""
    request = await gateway.asked()
    gateway.clock.advance(72 * 3600)
    await gateway.evidence.tick()

    assert (await gateway.evidence.get(request.id)).state is ClipState.EXPIRED
    assert gateway.sites.let_gone == [request.id]
    with pytest.raises(ConflictError):
        await gateway.evidence.answer(OWNER, request.id, is_yes=True, approval=APPROVAL)


async def test_crash_between_approval_and_grant_loses_nothing(gateway: EvidenceGateway):
    """The yes is durable: after a restart the grant goes out under the same session and the same secret."""
    request = await gateway.asked()
    gateway.sites.is_there = False
    approved = await gateway.evidence.answer(OWNER, request.id, is_yes=True, approval=APPROVAL)
    assert approved.state is ClipState.APPROVED
    gateway.restart()
    gateway.sites.is_there = True
    await gateway.evidence.tick()
    await gateway.evidence.tick()

    assert [item[0].session_id for item in gateway.sites.released] == [approved.session_id]
    assert (await gateway.evidence.get(request.id)).state is ClipState.CUTTING


async def test_one_hand_at_a_time_sends_the_grant(sqlite_gateway: EvidenceGateway):
    """While the site thinks about a grant, the timer sends no second one, and an old look at the request none after."""
    request = await sqlite_gateway.asked()
    sites, evidence = sqlite_gateway.sites, sqlite_gateway.evidence
    sites.thinking = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(partial(evidence.answer, OWNER, request.id, is_yes=True, approval=APPROVAL))
        await until(lambda: sites.released)
        stale = await evidence.get(request.id)
        await evidence.tick()
        sites.thinking.set()
    await evidence._release(stale)

    assert len(sites.released) == 1
    assert (await sqlite_gateway.kinds(request))[-2:] == ["clip.approved", "clip.accepted"]


async def test_a_late_acceptance_counts_and_only_from_the_site_itself(sqlite_gateway: EvidenceGateway):
    """What the site says after we stopped waiting takes the request on; another site's word is about nothing."""
    request = await sqlite_gateway.asked()
    sqlite_gateway.sites.is_there = False
    approved = await sqlite_gateway.evidence.answer(OWNER, request.id, is_yes=True, approval=APPROVAL)
    evidence = sqlite_gateway.evidence
    assert await evidence.knows_session(approved.session_id, agent_id=AGENT)
    assert not await evidence.knows_session(approved.session_id, agent_id="agt_" + "z" * 26)

    for _ in range(2):
        await evidence.accepted(approved.session_id)
    assert (await evidence.get(request.id)).state is ClipState.CUTTING
    assert (await sqlite_gateway.kinds(request))[-2:] == ["clip.approved", "clip.accepted"]


async def test_no_clip_leaves_while_the_log_is_behind(gateway: EvidenceGateway):
    """Past the merge delay the owner's yes is kept and no grant goes out; once the log has caught up it does."""
    request = await gateway.asked()
    gateway.clock.advance(61)
    approved = await gateway.evidence.answer(OWNER, request.id, is_yes=True, approval=APPROVAL)
    await gateway.evidence.tick()
    assert (approved.state, gateway.sites.released) == (ClipState.APPROVED, [])

    await gateway.settle()
    await gateway.evidence.tick()
    assert (await gateway.evidence.get(request.id)).state is ClipState.CUTTING
    assert len(gateway.sites.released) == 1


async def test_grant_the_site_has_already_is_accepted(sqlite_gateway: EvidenceGateway):
    """An acceptance that got lost on the way is not a refusal: the site says `replayed` and works on."""
    sqlite_gateway.sites.refusal = "replayed"

    assert (await sqlite_gateway.approved()).state is ClipState.CUTTING


async def test_refusal_on_site_ends_the_request(gateway: EvidenceGateway):
    """The site has the last word, and the log has its code."""
    gateway.sites.refusal = "policy_denies"
    request = await gateway.approved()

    assert (request.state, request.cause) == (ClipState.FAILED, "policy_denies")
    assert (await gateway.kinds(request))[-1] == "clip.refused"
    assert words(request.state, request.cause) == words(ClipState.FAILED, "")


async def test_failure_on_site_is_told_by_its_technical_cause(sqlite_gateway: EvidenceGateway):
    """A permitted clip that cannot be cut says why."""
    request = await sqlite_gateway.approved()
    await sqlite_gateway.evidence.failed(request.session_id, "camera_unreachable")
    failed = await sqlite_gateway.evidence.get(request.id)

    assert words(failed.state, failed.cause) == "The site has no recording of this time."


async def test_upload_that_never_goes_on_expires(sqlite_gateway: EvidenceGateway):
    """A file that stopped half way is not waited for for ever."""
    request, _ = await sqlite_gateway.captured(b"x" * 100)
    sqlite_gateway.clock.advance(LIFE_S + 1)
    await sqlite_gateway.evidence.tick()

    assert (await sqlite_gateway.evidence.get(request.id)).state is ClipState.EXPIRED


async def test_everybody_sees_their_own_requests_only(sqlite_gateway: EvidenceGateway):
    """An agency sees what it asked, an organisation what it is asked, others nothing."""
    request = await sqlite_gateway.asked()
    other = replace(OPERATOR, organisation_id="age_" + "z" * 26)

    assert [each.id for each in await sqlite_gateway.evidence.list_for(OPERATOR)] == [request.id]
    assert [each.id for each in await sqlite_gateway.evidence.list_for(OWNER)] == [request.id]
    assert await sqlite_gateway.evidence.list_for(other) == []
    with pytest.raises(NotFoundError):
        await sqlite_gateway.evidence.seen_by(other, request.id)


async def test_changes_made_on_an_old_view_are_refused(gateway: EvidenceGateway):
    """Two steps from the same state: the second hears that somebody was faster."""
    request = await gateway.asked()
    steps = gateway.evidence._steps
    async with steps.step(request, ClipState.DECLINED, Kind.CLIP_DECLINED):
        pass
    with pytest.raises(ConflictError):
        async with steps.step(request, ClipState.EXPIRED, Kind.CLIP_EXPIRED):
            pass


@pytest.mark.parametrize("state", list(ClipState))
def test_final_states_lead_nowhere(state: ClipState):
    """Nothing comes after an end, and no state leads back to a question."""
    assert not can_become(state, ClipState.REQUESTED)
    if state in {ClipState.DECLINED, ClipState.EXPIRED, ClipState.FAILED, ClipState.DOWNLOADABLE}:
        assert NEXT[state] == frozenset()


async def test_api_asks_lists_and_shows(sqlite_gateway: EvidenceGateway):
    """An operator asks over JSON and reads words, never who declined."""
    session = sqlite_gateway.people.sign_in(Role.OPERATOR, organisation_id=AGENCY)
    wanted = sqlite_gateway.wanted()
    body = {
        "camera_id": wanted.camera_id,
        "t0": wanted.t0.isoformat(),
        "t1": wanted.t1.isoformat(),
        "purpose": wanted.purpose,
    }
    async with sqlite_gateway.client(session=session) as client:
        csrf = sqlite_gateway.csrf(session)
        made = await client.post("/api/v1/clip-requests", json=body, headers={"x-csrf-token": csrf})
        assert made.status_code == 201, made.text
        request_id = made.json()["id"]
        await sqlite_gateway.evidence.answer(OWNER, request_id, is_yes=False, approval=None)
        shown = (await client.get(f"/api/v1/clip-requests/{request_id}")).json()
        listed = (await client.get("/api/v1/clip-requests")).json()

    assert (shown["state"], shown["words"], shown["cause"]) == ("not_available", NOT_AVAILABLE, None)
    assert [each["id"] for each in listed["requests"]] == [request_id]


async def test_a_second_persons_word_is_used_with_the_request_or_there_is_none(gateway: EvidenceGateway):
    """Over JSON the word is named; a word that is used up leaves neither a request nor a leaf, and the site unasked."""
    gateway.law.needs_owner, gateway.law.second_id = False, "per_" + "k" * 26
    session = gateway.people.sign_in(Role.OPERATOR, organisation_id=AGENCY)
    wanted, headers = gateway.wanted(), {"x-csrf-token": gateway.csrf(session)}
    body = {"camera_id": wanted.camera_id, "purpose": wanted.purpose, "confirmation_id": "emg_" + "a" * 26}
    body |= {"t0": wanted.t0.isoformat(), "t1": wanted.t1.isoformat()}
    async with gateway.client(session=session) as client:
        made, again = [await client.post("/api/v1/clip-requests", json=body, headers=headers) for _ in range(2)]

    assert (made.status_code, again.status_code) == (201, 409)
    (request,) = await gateway.evidence.list_for(replace(OPERATOR, organisation_id=AGENCY))
    assert gateway.consequences.used == {body["confirmation_id"]: request.id}
    assert (request.second_id, len(gateway.sites.kept)) == (gateway.law.second_id, 1)
    kinds = [entry.kind for entry in (await gateway.services.audit.find(Query())).entries]
    assert kinds.count("clip.requested") == 1


async def test_a_busy_database_is_told_and_nothing_is_asked(sqlite_database: Database, tmp_path: Path, clock, ids):
    """Somebody else holds the file for too long: 503 as a problem, with when to come back; then it works, once."""
    impatient = Database(sqlite_database.url, busy_s=0.05)
    gateway = EvidenceGateway(impatient, tmp_path, clock, ids)
    session = gateway.people.sign_in(Role.OPERATOR, organisation_id=AGENCY)
    wanted = gateway.wanted()
    body = {
        "camera_id": wanted.camera_id,
        "t0": wanted.t0.isoformat(),
        "t1": wanted.t1.isoformat(),
        "purpose": "traffic",
    }
    async with gateway.client(session=session) as client:
        ask = partial(client.post, "/api/v1/clip-requests", json=body, headers={"x-csrf-token": gateway.csrf(session)})
        with held(sqlite_database):
            refused = await ask()
        taken = await ask()
    listed = await gateway.evidence.list_for(replace(OPERATOR, organisation_id=AGENCY))
    await impatient.close()

    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert "busy, so nothing was changed" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert "sqlite" not in refused.text.lower()
    assert (taken.status_code, len(listed), len(gateway.sites.kept)) == (201, 1, 1)


@pytest.mark.parametrize("roles", [(), (Role.COMPLIANCE,), (Role.ADMIN,)])
async def test_api_is_for_operators(sqlite_gateway: EvidenceGateway, roles: tuple[Role, ...]):
    """Nobody else asks for recordings."""
    session = sqlite_gateway.people.sign_in(*roles, organisation_id=AGENCY) if roles else ""
    async with sqlite_gateway.client(session=session) as client:
        answer = await client.get("/api/v1/clip-requests")

    assert answer.status_code == (403 if roles else 401)


async def test_owner_declines_over_the_api(sqlite_gateway: EvidenceGateway):
    """The owner's own view says what happened and why."""
    request = await sqlite_gateway.asked()
    session = sqlite_gateway.people.sign_in(Role.OWNER, kind=PrincipalKind.PARTNER, organisation_id=ORG)
    async with sqlite_gateway.client(session=session) as client:
        answer = await client.post(
            f"/api/v1/clip-requests/{request.id}/answer",
            json={"is_yes": False},
            headers={"x-csrf-token": sqlite_gateway.csrf(session)},
        )

    assert (answer.status_code, answer.json()["state"], answer.json()["cause"]) == (200, "declined", "declined")


async def test_news_of_a_site_survives_a_step_in_between(gateway: EvidenceGateway):
    """A capture is said once; if the acceptance is written at the same moment, the capture is written after it."""
    request = await gateway.approved()
    token = gateway.sites.capture(request, sha256="0" * 64, size=5, gateway=ORIGIN)
    uploads, store = gateway.evidence.uploads, gateway.evidence._store
    before = replace(await store.request(request.id), state=ClipState.APPROVED, version=request.version - 1)
    stale = [before]

    class Stale:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def request_of_session(self, session_id: str) -> object:
            return stale.pop() if stale else await store.request_of_session(session_id)

    uploads._store = Stale()
    await uploads.captured(AGENT, gateway.sites.device.public, token)

    assert (await gateway.evidence.get(request.id)).state is ClipState.UPLOADING


async def test_what_was_handed_over_is_what_arrived(sqlite_gateway: EvidenceGateway):
    """Asked for since a moment, of one owner; what still waits for the owner is not among it."""
    gateway, began = sqlite_gateway, sqlite_gateway.clock.now()
    arrived = await gateway.received(b"pictures")
    await gateway.asked()

    assert [one.id for one in await gateway.evidence.handed_over(ORG, since=began, most=9)] == [arrived.id]
    assert await gateway.evidence.handed_over(ORG, since=gateway.clock.now() + timedelta(hours=1), most=9) == []
    assert await gateway.evidence.handed_over(AGENCY, since=began, most=9) == []


async def given_in_a_day(gateway: EvidenceGateway, sites: set[str]) -> dict[str, int]:
    """Seconds of recordings by site."""
    return dict(await gateway.evidence.given_s(sites, since=gateway.clock.now() - timedelta(days=1)))


async def test_recordings_count_for_their_sites_day(gateway: EvidenceGateway):
    """Whole, from the site's acceptance until a day after they came; asked for only, or never sent, not."""
    given, clock = partial(given_in_a_day, gateway), gateway.clock
    await gateway.asked()
    assert await given({SITE}) == {}

    await gateway.captured(b"x" * 100)  # on its way
    failed = await gateway.approved()
    assert await given({SITE, "sit_elsewhere"}) == {SITE: 120}
    await gateway.evidence.failed(failed.session_id, "camera_unreachable")
    assert await given({SITE}) == {SITE: 60}

    await gateway.received(b"pictures")
    assert await given({SITE}) == {SITE: 120}
    clock.advance(24 * 3600)
    assert await given({SITE}) == {SITE: 60}  # the upload that goes on
    assert await given({"sit_elsewhere"}) == {}


async def test_a_recording_that_broke_off_counts_once_bytes_came(gateway: EvidenceGateway):
    """What the site sent before it failed was given; a file of which nothing came was not."""
    request, secret = await gateway.captured(b"x" * 100)
    other, _ = await gateway.captured(b"y" * 100)
    async with gateway.client(secret) as client:
        place = await create(client, 100)
        assert (await patch(client, place, 0, b"x" * 10)).status_code == 204
    for one in (request, other):
        await gateway.evidence.failed(one.session_id, "limit")

    assert await given_in_a_day(gateway, {SITE}) == {SITE: 60}


async def test_each_recording_is_rounded_up_as_the_site_does(sqlite_gateway: EvidenceGateway):
    """A minute and a tenth of a second are 61 seconds."""
    begin = sqlite_gateway.clock.now() - timedelta(hours=1)
    sqlite_gateway.law.needs_owner = False
    wanted = sqlite_gateway.wanted(t0=begin, t1=begin + timedelta(seconds=60.1))
    await sqlite_gateway.evidence.ask(OPERATOR, wanted)

    assert await given_in_a_day(sqlite_gateway, {SITE}) == {SITE: 61}
