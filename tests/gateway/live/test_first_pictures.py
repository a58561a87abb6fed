"""The first picture of a view by HTTP: who gets it, when, once; and that the view has started with it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskGroup

from gateway.audit import LeafDraft
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import NotFoundError
from gateway.live import EndReason, Session, SessionState
from gateway.live import first_pictures as giving
from gateway.live.first_pictures import FirstPicture
from gateway.live.relay import first_pictures, protocol
from gateway.live.relay.offers import CallRefusedError
from gateway.live.upkeep import UNSEEN_S
from partner_agent.rtc import h264, nal
from partner_agent.wire.limits import LEASE_VALID_S
from tests.support import relay_lab
from tests.support.legs import TWO
from tests.support.live import OPERATOR, OTHER, SUPERVISOR, Plane, live_plane
from tests.support.relay_lab import Lab, lab
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
UNITS = [b"\x67\x42\xe0\x1fs", b"\x68p", b"\x65\x88slice"]
PICTURE = nal.join(UNITS)


async def refused(relay: Lab, session: str = "ses_1") -> int:
    """Why the relay gives none."""
    with pytest.raises(CallRefusedError) as raised:
        await relay.engine.first_pictures.give(session)
    return raised.value.status


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(first_pictures, "WAIT_S", 0.05)


async def test_the_relay_gives_it_once_to_an_admitted_session_without_a_call():
    """What the cache begins with, whole; a second time there is none."""
    async with lab() as relay:
        await relay.publish()
        relay.admit()

        picture = await relay.engine.first_pictures.give("ses_1")

        assert list(nal.split(picture)) == [b"\x67s", b"\x68p", b"\x65" + b"\x88" * 3000]
        assert await refused(relay) == 409


@pytest.mark.usefixtures("soon")
async def test_the_relay_gives_none_without_an_admission():
    """However good the call is."""
    async with lab() as relay:
        await relay.publish()
        await relay.view()

        assert await refused(relay) == 504


@pytest.mark.usefixtures("soon")
async def test_the_relay_gives_none_of_another_publisher_than_the_accepted_one():
    """A stranger's picture is nobody's."""
    async with lab() as relay:
        await relay.publish()
        relay.admit(fingerprint=TWO.fingerprint)

        assert await refused(relay) == 504


@pytest.mark.usefixtures("soon")
async def test_the_relay_gives_none_when_the_lease_has_run_out():
    """From the moment itself, not from the sweep after it."""
    async with lab() as relay:
        await relay.publish()
        relay.admit()
        relay.clock.advance(LEASE_VALID_S)

        assert await refused(relay) == 504


async def test_the_relay_gives_none_after_a_drop_and_whoever_waits_learns_it_at_once():
    """For good, as with packets."""
    async with lab() as relay:
        statuses: list[int] = []

        async def ask() -> None:
            statuses.append(await refused(relay))

        async with anyio.create_task_group() as tasks:
            relay.admit()
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            relay.engine.drop(["ses_1"])
            with anyio.fail_after(1):
                await until(lambda: statuses == [404])
        await relay.publish()
        assert not relay.admit()
        assert await refused(relay) == 404


async def test_whoever_waits_gets_the_first_key_picture_when_it_comes():
    """A cold start: neither the site's word nor its pictures are there when it is asked for."""
    async with lab() as relay:
        pictures: list[bytes] = []

        async def ask() -> None:
            pictures.append(await relay.engine.first_pictures.give("ses_1"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert await refused(relay) == 409  # one question at a time
            relay.admit()
            await relay.publish()
            with anyio.fail_after(2):
                await until(lambda: bool(pictures))


async def test_the_relay_gives_none_once_pictures_flow():
    """They begin with the same one."""
    async with lab() as relay:
        await relay_lab.watching(relay)

        assert await refused(relay) == 409


async def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch):
    """One more is turned away at once."""
    monkeypatch.setattr(first_pictures, "MOST_WAITING", 1)
    async with lab() as relay, anyio.create_task_group() as tasks:
        tasks.start_soon(relay.engine.first_pictures.give, "ses_1")
        await anyio.wait_all_tasks_blocked()
        assert await refused(relay, "ses_2") == 503
        tasks.cancel_scope.cancel()


async def test_a_picture_over_the_limit_takes_its_usual_way(monkeypatch: pytest.MonkeyPatch):
    """It is not cut."""
    monkeypatch.setattr(first_pictures, "PICTURE_BYTES", 3000)
    async with lab() as relay:
        await relay.publish()
        relay.admit()

        assert await refused(relay) == 413


async def test_what_was_given_stands_in_the_account():
    """Its bytes, and the seconds from it on, with a call or without one."""
    async with lab() as relay:
        await relay.publish()
        relay.admit()
        relay.admit("ses_2")
        given = len(await relay.engine.first_pictures.give("ses_1"))
        await relay.engine.first_pictures.give("ses_2")
        relay.clock.advance(2)
        viewer = await relay.view()
        await until(lambda: viewer.rtp)

        relay.engine.drop(["ses_1", "ses_2"])

        seen, alone = relay.told(protocol.ViewerGone)
        assert isinstance(seen, protocol.ViewerGone)
        assert isinstance(alone, protocol.ViewerGone)
        assert seen.seconds_ms == 2000
        assert seen.sent_bytes > 2 * given > given + 3000
        assert (alone.packets, alone.sent_bytes, alone.seconds_ms) == (0, given, 0)


async def test_the_largest_picture_fits_an_answer_and_no_request():
    """In base64; a call is never so long."""
    sent, received = anyio.create_memory_object_stream[bytes](2)
    framed = protocol.frame(protocol.Answer(re=1, status=200, picture=b"\xff" * protocol.PICTURE_BYTES))
    for _ in range(2):
        await sent.send(framed)

    answer = await protocol.Frames(received, most_bytes=protocol.ANSWER_BYTES).from_relay()

    assert isinstance(answer, protocol.Answer)
    assert len(answer.picture) == protocol.PICTURE_BYTES
    with pytest.raises(protocol.ProtocolError):
        await protocol.Frames(received, most_bytes=protocol.FRAME_BYTES).from_relay()
    with pytest.raises(protocol.ProtocolError):
        protocol.frame(protocol.Whep(id=1, session="s", ticket="t", sdp="x" * protocol.FRAME_BYTES))
    sent.close()
    received.close()


@pytest.fixture
async def plane(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Sessions over a relay that has the picture."""
    async with live_plane(sqlite_database, tmp_path) as running:
        running.relay.picture = PICTURE
        yield running


async def test_a_view_starts_with_its_first_picture(plane: Plane):
    """The entry of the start says that it went by HTTPS; a first packet later is no second start."""
    session = await plane.accepted()

    picture = await plane.sessions.live.first_pictures.of(OPERATOR, session.id)

    assert picture is not None
    assert (picture.data, picture.codec) == (PICTURE, "avc1.42e01f")
    assert (await plane.read(session.id)).state is SessionState.ESTABLISHED
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    started = [entry for entry in await plane.log(session.id) if entry.kind == "view.started"]
    assert [entry.said("cipher") for entry in started] == ["HTTPS"]
    assert plane.relay.orders[-1] == ("first picture", session.id, session.publication)


async def test_a_view_whose_connection_never_comes_ends_though_it_had_its_picture(plane: Plane):
    """Its site would send to nobody; one whose pictures flow by then goes on."""
    session, after, before = [await plane.accepted() for _ in range(3)]

    async def flow(of: Session = before) -> None:
        await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=of.id, srtp_profile="GCM"))

    for one in (session, after, before):
        plane.relay.on_picture = flow if one is before else None
        assert await plane.sessions.live.first_pictures.of(OPERATOR, one.id)
    await flow(after)
    plane.clock.advance(UNSEEN_S)

    await plane.sessions.upkeep.beat()

    assert (await plane.read(session.id)).end_reason is EndReason.CANNOT_START
    for one in (after, before):
        assert (await plane.read(one.id)).state is SessionState.ESTABLISHED


async def test_it_is_for_whoever_opened_the_view_and_nobody_else(plane: Plane):
    """Not even for who watches over them; and for no view that is over."""
    session = await plane.accepted()
    asked = len(plane.relay.orders)
    for principal in (OTHER, SUPERVISOR):
        with pytest.raises(NotFoundError):
            await plane.sessions.live.first_pictures.of(principal, session.id)

    await plane.sessions.live.leave(OPERATOR, session.id)
    with pytest.raises(NotFoundError):
        await plane.sessions.live.first_pictures.of(OPERATOR, session.id)
    assert [order[0] for order in plane.relay.orders[asked:]] == ["drop"]


async def test_a_view_on_a_phone_has_none_on_its_senders_screen(plane: Plane):
    """It was opened for that device alone."""
    session = await plane.accepted(shown_to="Unit 12", most_seconds=60)

    with pytest.raises(NotFoundError):
        await plane.sessions.live.first_pictures.of(OPERATOR, session.id)


async def test_a_view_that_ends_while_the_picture_is_on_its_way_shows_none(plane: Plane):
    """What the relay gave before the drop stays here."""
    session = await plane.accepted()

    async def end() -> None:
        await plane.sessions.live.end_where(EndReason.RULES, lambda _: True)

    plane.relay.on_picture = end
    with pytest.raises(NotFoundError):
        await plane.sessions.live.first_pictures.of(OPERATOR, session.id)


async def test_without_a_relay_or_a_picture_there_is_none_and_nothing_has_started(plane: Plane):
    """An engine that has none to give, one that is gone, and bytes that are no picture."""
    session = await plane.accepted()
    plane.relay.picture = b""
    assert await plane.sessions.live.first_pictures.of(OPERATOR, session.id) is None
    plane.relay.picture = nal.join([h264.packetise([b"\x65\x88"])[0]])
    assert await plane.sessions.live.first_pictures.of(OPERATOR, session.id) is None
    plane.relay.is_gone = True
    assert await plane.sessions.live.first_pictures.of(OPERATOR, session.id) is None
    plane.relay.is_gone = False

    assert (await plane.read(session.id)).state is SessionState.ACCEPTED


async def test_a_start_that_cannot_be_written_shows_no_picture(plane: Plane, monkeypatch: pytest.MonkeyPatch):
    """Nothing is watched without its entry."""
    session = await plane.accepted()

    async def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(type(plane.audit), "append_all", full)
    with pytest.raises(NotFoundError):
        await plane.sessions.live.first_pictures.of(OPERATOR, session.id)


@dataclass
class Asked:
    """A question for the first picture that the relay answers while its own answer to the admission is on its way.

    Attributes:
        session_id: of the view, once it is admitted.
        early: what the question had brought before the relay's answer was heard.
        answers: what it brought in the end; None for no picture.
    """

    plane: Plane
    tasks: TaskGroup
    session_id: str = ""
    early: list[FirstPicture | None] = field(default_factory=list)
    answers: list[FirstPicture | None] = field(default_factory=list)

    async def ask(self) -> None:
        self.session_id = self.plane.relay.orders[-1][1]
        self.tasks.start_soon(self._ask)
        await until(lambda: self.plane.relay.orders[-1][0] == "first picture")
        await anyio.wait_all_tasks_blocked()
        self.early = list(self.answers)

    async def _ask(self) -> None:
        try:
            self.answers.append(await self.plane.sessions.live.first_pictures.of(OPERATOR, self.session_id))
        except NotFoundError:
            self.answers.append(None)


@pytest.fixture
async def asked(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asked]:
    """The next view's picture is asked for while it is admitted; whoever waits for the log is woken, or fails."""
    monkeypatch.setattr(giving, "WRITTEN_S", 60)
    async with anyio.create_task_group() as tasks:
        question = Asked(plane, tasks)
        plane.relay.on_admit = question.ask
        yield question


async def test_a_picture_that_is_faster_than_the_log_waits_for_it(plane: Plane, asked: Asked):
    """The relay has it before the acceptance is written; it leaves after the entry of the start."""
    opened = await plane.open()

    await until(lambda: asked.answers)

    assert asked.early == []
    assert asked.answers == [FirstPicture(PICTURE, "avc1.42e01f")]
    started = ["view.requested", "grant.issued", "view.accepted", "view.started"]
    assert await plane.kinds(opened.session_id) == started


async def test_a_picture_that_is_faster_than_a_full_disk_is_not_shown(
    plane: Plane, asked: Asked, monkeypatch: pytest.MonkeyPatch
):
    """The acceptance cannot be written: the view ends, and whoever waits for its picture learns it at once."""
    append_all = plane.audit.append_all

    async def full(unit: UnitOfWork, drafts: Sequence[LeafDraft]) -> object:
        if any(draft.kind == "view.accepted" for draft in drafts):
            raise OSError("no space left")
        return await append_all(unit, drafts)

    monkeypatch.setattr(plane.audit, "append_all", full)
    opened = await plane.open()

    await until(lambda: asked.answers)

    assert (asked.early, asked.answers) == ([], [None])
    await plane.in_state(opened.session_id, "failed")
    assert (await plane.kinds(opened.session_id))[-1] == "view.failed"


async def test_a_picture_waits_for_a_slow_disk_so_long_and_no_longer(
    plane: Plane, asked: Asked, monkeypatch: pytest.MonkeyPatch
):
    """The view goes on by its own connection."""
    append_all, freed = plane.audit.append_all, anyio.Event()

    async def slow(unit: UnitOfWork, drafts: Sequence[LeafDraft]) -> object:
        if any(draft.kind == "view.accepted" for draft in drafts):
            await freed.wait()
        return await append_all(unit, drafts)

    monkeypatch.setattr(plane.audit, "append_all", slow)
    monkeypatch.setattr(giving, "WRITTEN_S", 0.05)
    opened = await plane.open()

    await until(lambda: asked.answers)

    assert asked.answers == [None]
    freed.set()
    await plane.in_state(opened.session_id, "established")
