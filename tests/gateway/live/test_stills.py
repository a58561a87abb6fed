"""Stills at the centre: who gets none, what is taken in, who reads them, and how they end."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy.exc import OperationalError

from gateway.audit import Kind
from gateway.edge.requires import needs_of
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Role
from gateway.live import LIVE_ROUTES, EndReason, Still, ViewQuestion
from gateway.live.model import mark_of
from gateway.live.stills.routes import A_MINUTE
from gateway.live.stills.service import token_of
from gateway.live.stills.taking import ANSWER_S, ARRIVES_S, MOST_AT_ONCE, OfferedStill
from partner_agent.wire import classes
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.limits import STILL_BYTES, STILL_VOCABULARY
from partner_agent.wire.tokens import LocalSigner
from policies.vocabulary import Act, Remedy
from tests.fakes.clock import FakeClock
from tests.support.live import AGENCY, CAMERA, INCIDENT, LOCAL, OPERATOR, OTHER, Plane, live_plane, made_up
from tests.support.live_http import live_app

pytestmark = pytest.mark.anyio
JPEG = b"\xff\xd8 a picture"
COMPLIANCE = replace(OPERATOR, person_id=made_up("per", 5), roles=frozenset({Role.COMPLIANCE}))
Change = dict[str, Any]


class PatientClock(FakeClock):
    """Stands still while something is on its way; runs once nothing is."""

    is_running = False

    async def sleep(self, duration_s: float) -> None:
        if self.is_running:
            self.advance(duration_s)
        await anyio.sleep(0.001)


def run(plane: Plane) -> None:
    """Nothing more will come."""
    assert isinstance(plane.clock, PatientClock)
    plane.clock.is_running = True


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Views and stills on both databases."""
    async with live_plane(database, tmp_path, clock=PatientClock()) as running:
        yield running


def ask(plane: Plane, **changes: Any) -> Awaitable[Still]:
    """An operator wants a still."""
    wish = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT} | changes
    return plane.sessions.stills.taking.take(OPERATOR, **wish)


def statement(plane: Plane, *, signer: LocalSigner | None = None, **changes: Any) -> str:
    """What the site signs of the newest grant."""
    grant = plane.site.grants[-1].grant
    claims = {
        "session": grant.session,
        "jti": grant.jti,
        "camera": LOCAL,
        "sha256": hashlib.sha256(JPEG).hexdigest(),
        "size_bytes": len(JPEG),
        "taken_at": to_rfc3339(plane.clock.now()),
        "width": 1280,
        "height": 720,
    }
    return plane.site.say(classes.STILL, claims | changes, signer)


async def hand_over(plane: Plane, *, token: str = "", jpeg: bytes = JPEG, said: str = "") -> None:
    """The site hands over the still of the newest grant."""
    place = plane.site.grants[-1].grant.still
    assert place is not None
    session = place.upload_url.rpartition("/")[2]
    await plane.sessions.stills.receive(
        session, token=token or place.upload_token, statement=said or statement(plane), jpeg=jpeg
    )


async def taken(plane: Plane, then: Callable[[], Awaitable[object]] | None = None, **changes: Any) -> Still:
    """A still that comes, or what `then` does instead once it is granted."""
    before = len(plane.site.grants)
    found: list[Still] = []

    async def site() -> None:
        while len(plane.site.grants) == before:  # noqa: ASYNC110 - the fake has no event
            await anyio.sleep(0.001)
        await plane.in_state(plane.site.grants[-1].grant.session, "accepted")
        await (then or (lambda: hand_over(plane)))()
        run(plane)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(site)
        try:
            found.append(await ask(plane, **changes))
        except (DeniedError, UnavailableError) as error:
            failure = error
            tasks.cancel_scope.cancel()
    if not found:
        raise failure
    return found[0]


# --- refused


@pytest.mark.parametrize(
    ("remedy", "sentence"),
    [
        (Remedy.NONE, "Not available for this purpose."),
        (Remedy.ASK, "Available if the owner agrees."),
        (Remedy.TWO_PERSONS, "Available if a second person joins."),
        (Remedy.LINK_INCIDENT, "Available if you link an incident."),
    ],
)
async def test_a_still_that_is_not_given_is_refused_with_its_entry(plane: Plane, remedy: Remedy, sentence: str):
    """What would give it is named as for a view; the site is not asked."""
    plane.decider.deny(remedy)

    with pytest.raises(DeniedError, match=sentence):
        await ask(plane)
    assert await plane.kinds(CAMERA) == [Kind.VIEW_DENIED]
    assert (await plane.log(CAMERA))[0].said("act") == "still.take"
    assert plane.site.grants == []


async def test_an_offer_takes_nothing_and_is_no_entry(plane: Plane):
    """A page learns whether to show a button: asked as a still, and no where one would be refused."""
    question = ViewQuestion(principal=OPERATOR, camera_id=CAMERA, purpose="violent_crime")
    offer = plane.sessions.stills.taking.offer

    assert await offer(question) == OfferedStill(is_given=True)
    assert {asked.act for asked in plane.decider.asked} == {Act.STILL_TAKE}
    plane.site.vocabulary = STILL_VOCABULARY - 1
    assert await offer(question) == OfferedStill()
    plane.site.vocabulary, plane.site.problem = STILL_VOCABULARY, "paused"
    assert await offer(question) == OfferedStill()
    plane.site.problem, plane.decider.is_known = "", False
    assert await offer(question) == OfferedStill()
    plane.decider.is_known = True
    plane.decider.deny(Remedy.ASK)
    assert await offer(question) == OfferedStill(remedies=(Remedy.ASK,))
    assert await plane.kinds(CAMERA) == []
    assert plane.site.grants == []


async def test_a_still_is_asked_as_an_act_of_its_own(plane: Plane):
    """The law hears `still.take`, and never a view."""
    await taken(plane)

    assert {question.act for question in plane.decider.asked} == {Act.STILL_TAKE}
    grant = plane.site.grants[-1].grant
    assert (grant.act, grant.publish, grant.clip) == ("still.take", None, None)


async def test_an_agent_that_does_not_know_stills_is_sent_none(plane: Plane):
    """It would not know the word."""
    plane.site.vocabulary = STILL_VOCABULARY - 1

    with pytest.raises(UnavailableError):
        await ask(plane)
    assert plane.site.grants == []


@pytest.mark.parametrize(
    ("code", "error"),
    [("policy_denies", DeniedError), ("paused", DeniedError), ("camera_unreachable", UnavailableError)],
)
async def test_a_site_that_refuses_is_heard(plane: Plane, code: str, error: type[Exception]):
    """Its rules read like ours; only a technical cause is told."""
    plane.site.answer = code

    with pytest.raises(error):
        await ask(plane)
    assert (await plane.kinds(CAMERA))[-1] == Kind.VIEW_REFUSED


async def test_a_site_that_is_silent_gives_none(plane: Plane):
    """The operator reads that the camera is offline."""
    plane.site.answer = "silent"

    with pytest.raises(UnavailableError, match="offline"):
        await ask(plane)


async def test_nobody_waits_for_more_than_two(plane: Plane):
    """A third at the same time is not decided; once they are over there is room again."""
    refused: list[LimitedError] = []

    async def one() -> None:
        try:
            await ask(plane)
        except LimitedError as error:
            refused.append(error)
        except UnavailableError:
            pass

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
        while len(plane.site.grants) < MOST_AT_ONCE:  # noqa: ASYNC110 - the fake has no event
            await anyio.sleep(0.001)
        run(plane)

    assert (len(refused), len(plane.site.grants)) == (5 - MOST_AT_ONCE, MOST_AT_ONCE)
    with pytest.raises(UnavailableError):
        await ask(plane)


async def test_a_still_that_never_comes_is_over(plane: Plane):
    """Thirteen seconds after it was accepted; the site is told, and nothing stays open."""
    run(plane)
    with pytest.raises(UnavailableError):
        await ask(plane)

    session = await plane.read(plane.site.grants[-1].grant.session)
    assert (session.is_open, session.end_reason) == (False, EndReason.CANNOT_START)
    assert plane.site.ends[-1].session == session.id


async def test_rules_that_change_meanwhile_end_a_still(plane: Plane):
    """What is on its way is not taken in any more."""

    async def changed() -> None:
        plane.decider.deny()
        await plane.sessions.live.rules_changed()
        with pytest.raises(ConflictError):
            await hand_over(plane)

    with pytest.raises(DeniedError):
        await taken(plane, changed)
    assert Kind.STILL_TAKEN not in await plane.kinds(CAMERA)


# --- taken in


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({"token": "another"}, NotFoundError),
        ({"jpeg": JPEG + b"!"}, InvalidError),
        ({"jpeg": b""}, InvalidError),
        ({"said": {"session": made_up("ses", 7)}}, InvalidError),
        ({"said": {"jti": made_up("grt", 7)}}, InvalidError),
        ({"said": {"camera": "cam_other"}}, InvalidError),
        ({"said": {"width": 0}}, InvalidError),
        ({"said": {"taken_at": "yesterday"}}, InvalidError),
        ({"said": {"signer": LocalSigner.generate("ES256")}}, InvalidError),
        ({"said": {"sha256": hashlib.sha256(b"GIF89a").hexdigest()}, "jpeg": b"GIF89a"}, InvalidError),
    ],
)
async def test_what_was_not_signed_is_not_taken_in(plane: Plane, what: Change, error: type[Exception]):
    """Another secret, other bytes, another still's statement, another device: nothing of it is kept."""

    async def wrong() -> None:
        changes = dict(what)
        if "said" in changes:
            changes["said"] = statement(plane, **changes["said"])
        with pytest.raises(error):
            await hand_over(plane, **changes)

    with pytest.raises(UnavailableError):
        await taken(plane, wrong)
    assert Kind.STILL_TAKEN not in await plane.kinds(CAMERA)


async def test_a_still_is_handed_over_once(plane: Plane):
    """The secret opens nothing a second time."""
    still = await taken(plane)

    with pytest.raises(ConflictError):
        await hand_over(plane)
    assert (await plane.kinds(still.id)).count(Kind.STILL_TAKEN) == 1


async def test_two_that_come_at_once_leave_one_whole(plane: Plane, tmp_path: Path):
    """Whichever is second takes nothing of the first with it, and leaves no file behind."""
    refused: list[ConflictError] = []

    async def hand(said: str) -> None:
        try:
            await hand_over(plane, said=said)
        except ConflictError as error:
            refused.append(error)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hand, statement(plane))
            tasks.start_soon(hand, statement(plane))

    still = await taken(plane, both)

    assert len(refused) == 1
    assert (await plane.sessions.stills.read(OPERATOR, still.id))[1] == JPEG
    assert len(list((tmp_path / "stills").iterdir())) == 1


@pytest.mark.parametrize("is_committed", [False, True], ids=["row refused", "commit in doubt"])
async def test_a_still_whose_row_fails_leaves_no_file(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_committed: bool
):
    """The disk keeps nothing that nobody can open; where the commit's answer was lost, the still has its file."""
    stills = plane.sessions.stills
    commit = UnitOfWork.commit

    async def refused(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("the disk is full"))

    async def lost(unit: UnitOfWork) -> None:
        await commit(unit)
        raise OperationalError("commit", {}, Exception("the connection was lost"))

    async def hand() -> None:
        with monkeypatch.context() as patched:
            if is_committed:
                patched.setattr(UnitOfWork, "commit", lost)
            else:
                patched.setattr(stills._rows, "add", refused)
            with pytest.raises(OperationalError):
                await hand_over(plane)
        if not is_committed:
            assert list((tmp_path / "stills").iterdir()) == []
            await hand_over(plane)  # the site tries again

    still = await taken(plane, hand)
    assert (await stills.read(OPERATOR, still.id))[1] == JPEG
    assert len(list((tmp_path / "stills").iterdir())) == 1


async def test_a_secret_of_foreign_letters_is_a_wrong_one(plane: Plane):
    """It is compared like any other."""
    with pytest.raises(NotFoundError):
        await plane.sessions.stills.receive("ses_x", token="\xe9", statement="", jpeg=JPEG)


async def test_a_secret_of_a_view_opens_nothing(plane: Plane):
    """A session that is no still takes no picture in, whatever is known of it."""
    view = await plane.accepted()

    with pytest.raises(NotFoundError):
        await plane.sessions.stills.receive(view.id, token=token_of(b"k" * 32, view.id), statement="", jpeg=JPEG)


async def test_a_still_is_kept_with_its_entry(plane: Plane):
    """What the device signed, until when it is there, and the code that the picture bears."""
    still = await taken(plane)
    entry = next(one for one in await plane.log(still.id) if one.kind == Kind.STILL_TAKEN)

    assert (still.sha256, still.size_bytes) == (hashlib.sha256(JPEG).hexdigest(), len(JPEG))
    assert still.expires_at - still.taken_at >= timedelta(hours=72)
    assert (entry.said("sha256"), entry.said("agency")) == (still.sha256, AGENCY)
    place = plane.site.grants[-1].grant.still
    assert place is not None
    assert place.label.replace("-", "") == mark_of(still.id)


async def test_the_sites_account_of_a_still_fits(plane: Plane):
    """It counts a second, and no difference is written."""
    still = await taken(plane)
    session = await plane.read(still.id)
    stopped = plane.site.stopped(session, seconds=1, reason="finished", sent_bytes=len(JPEG))
    await plane.sessions.accounts.stopped(session.agent_id, stopped)

    now = await plane.read(still.id)
    assert (now.is_reconciled, now.end_reason) == (True, EndReason.TAKEN)
    assert Kind.COUNTS_DIFFERED not in await plane.kinds(still.id)


async def test_a_view_never_rides_on_a_still(plane: Plane):
    """While one is being taken, a view of the same camera has a publication of its own."""

    async def look() -> None:
        view = await plane.accepted()
        session = await plane.read(plane.site.grants[-2].grant.session)
        assert session.act == "still.take"
        assert view.publication != session.publication
        await plane.sessions.stills.receive(
            session.id,
            token=token_of(b"k" * 32, session.id),
            statement=statement(plane, session=session.id, jti=session.grant_id),
            jpeg=JPEG,
        )

    await taken(plane, look)


# --- read


@pytest.mark.parametrize("who", [OTHER, replace(OTHER, roles=frozenset({Role.SUPERVISOR}))])
async def test_another_persons_still_does_not_exist(plane: Plane, who: Any):
    """Not to look at, not to download, whatever they may watch themselves."""
    still = await taken(plane)

    with pytest.raises(NotFoundError):
        await plane.sessions.stills.look(who, still.id)
    with pytest.raises(NotFoundError):
        await plane.sessions.stills.read(who, still.id)
    assert Kind.STILL_READ not in await plane.kinds(still.id)


@pytest.mark.parametrize("who", [OPERATOR, COMPLIANCE])
async def test_each_reading_is_an_entry(plane: Plane, who: Any):
    """By whoever took it, or by compliance; before the bytes are given."""
    still = await taken(plane)

    assert (await plane.sessions.stills.read(who, still.id))[1] == JPEG
    await plane.sessions.stills.read(who, still.id)
    assert (await plane.kinds(still.id)).count(Kind.STILL_READ) == 2
    assert (await plane.log(still.id))[-1].said("read_by") == who.person_id


async def test_an_expired_still_is_gone(plane: Plane):
    """Nobody reads it from that moment on; then it is deleted, and its entry stays."""
    still = await taken(plane)
    plane.clock.advance(72 * 3600 + 1)

    with pytest.raises(NotFoundError):
        await plane.sessions.stills.read(OPERATOR, still.id)
    assert await plane.sessions.stills.sweep() == 1
    assert await plane.sessions.stills.sweep() == 0
    assert Kind.STILL_TAKEN in await plane.kinds(still.id)


async def test_over_http(plane: Plane):
    """A site hands over with a header and a body; a person reads facts and picture; a body too large is refused."""
    app = live_app(plane, lambda: OPERATOR)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        read: list[int] = []

        async def without_end() -> AsyncIterator[bytes]:
            for _ in range(1_000):
                read.append(1_024)
                yield b"v" * 1_024

        async def put() -> None:
            place = plane.site.grants[-1].grant.still
            assert place is not None
            said = {"lenspact-still": statement(plane), "authorization": f"Bearer {place.upload_token}"}
            path = place.upload_url.removeprefix("http://localhost:8080")
            assert (await http.put(path, content=JPEG)).status_code == 404
            stranger = {"authorization": b"Bearer \xe9"}
            assert (await http.put(path, content=without_end(), headers=stranger)).status_code == 404
            assert len(read) <= 1
            assert (await http.put(path, content=b"x" * (STILL_BYTES + 1), headers=said)).status_code == 413
            assert (await http.put(path, content=JPEG, headers=said)).status_code == 204

        still = await taken(plane, put)
        facts = (await http.get(f"/api/v1/stills/{still.id}")).json()
        picture = await http.get(facts["picture"])

        assert (facts["sha256"], picture.content) == (still.sha256, JPEG)
        assert (picture.headers["content-type"], picture.headers["cache-control"]) == ("image/jpeg", "no-store")
        assert (await http.get(f"/console/stills/{still.id}.png")).status_code == 404

        wish = {"camera_id": CAMERA, "purpose": "violent_crime"}
        assert (await http.get("/api/v1/stills", params=wish)).json() == {
            "is_offered": True, "is_once": False, "may_ask": False, "may_second": False
        }  # fmt: skip
        plane.decider.deny()
        assert (await http.get("/api/v1/stills", params=wish)).json()["is_offered"] is False
        answers = [(await http.post("/api/v1/stills", json=wish)).status_code for _ in range(A_MINUTE + 1)]
        assert answers == [403] * A_MINUTE + [429]


def test_whoever_takes_a_still_waits_as_long_as_it_may_take():
    """The route's deadline covers the site's answer and the picture: the slowest still is no 504."""
    (route,) = [each for each in LIVE_ROUTES if each.fn.__name__ == "take_still"]

    assert needs_of(route.opt).deadline_s > ANSWER_S + ARRIVES_S
