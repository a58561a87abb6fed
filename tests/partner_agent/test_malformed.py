"""Values of the gateway's that are none, and faults nobody foresaw: the agent, its ring and its page go on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import anyio
import pytest

from partner_agent.wire import messages as m
from partner_agent.wire.check_messages import CheckServer, ConnectionCheck, ConnectionChecked
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.playback_messages import Playback, Playing
from partner_agent.wire.problems import Code
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.partner_agent.test_recorded_views import answer, ask, playback, recorded, shared, started
from tests.support.agents import Bench

pytestmark = pytest.mark.anyio
BEFORE_TIME = "0001-01-01T00:00:00+23:00"  # in UTC it is of the year 0, which there is not
AFTER_TIME = "9999-12-31T23:59:59-23:00"
SHARED = shared(acts=frozenset({Act.LIVE_VIEW, Act.RECORDED_VIEW, Act.STILL_TAKE}))


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site that shares two cameras, live, recorded and as stills."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(SHARED)
        yield bench


async def fails(*_: object, **__: object) -> NoReturn:
    """What nobody foresaw."""
    raise OverflowError("nobody foresaw this")


def raises() -> NoReturn:
    """The same, where nothing waits."""
    raise OverflowError("nobody foresaw this")


def faults(bench: Bench) -> list[str]:
    """What the site's record says of faults."""
    return [line.body["of"] for line in bench.agent.journal.newest(10) if line.kind == "fault"]


@pytest.mark.parametrize("text", [BEFORE_TIME, AFTER_TIME])
def test_a_time_that_utc_does_not_have_is_no_time(text: str):
    """It is refused as any other text that is none; the ends of the calendar are times."""
    with pytest.raises(ValueError, match="years 1 to 9999"):
        from_rfc3339(text)
    assert from_rfc3339("0001-01-01T00:00:00Z") == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("view", [recorded(), {}])
@pytest.mark.parametrize("opened_at", [BEFORE_TIME, AFTER_TIME])
async def test_a_call_outside_the_calendar_is_refused(bench: Bench, view: dict[str, Any], opened_at: str):
    """A grant whose incident was opened at a time that is none is answered with a no."""
    incident = {**bench.body()["incident"], "opened_at": opened_at}

    assert await answer(bench, **{**view, "incident": incident}) == Code.POLICY_DENIES


async def test_a_call_at_the_beginning_of_the_calendar_is_an_old_one(bench: Bench):
    """Where the owner sets no bound by the call, it is shown; nothing is computed that there is not."""
    incident = {**bench.body()["incident"], "opened_at": "0001-01-01T00:00:00Z"}

    assert await answer(bench, **recorded(incident=incident)) == "accepted"


@pytest.mark.parametrize("at", ["0001-01-01T00:0{}:00+23:00", "9999-12-31T23:5{}:00Z", "0001-01-01T00:0{}:00Z"])
async def test_a_recording_at_the_end_of_time_is_refused(bench: Bench, at: str):
    """A range outside the calendar, or at its edge, is a grant like any other that is not given."""
    assert await answer(bench, **recorded(recorded={"from": at.format(0), "to": at.format(5)})) != "accepted"


async def test_a_position_outside_the_calendar_is_refused_and_the_next_one_taken(bench: Bench):
    """The order is malformed; the view goes on."""
    await started(bench)
    session = bench.agent.sessions.running[0].grant.session

    said = await ask(bench, playback(session, position=BEFORE_TIME))
    assert isinstance(said, m.Problem)
    assert said.code == "malformed"
    assert isinstance(await ask(bench, Playback(id="msg_2", session=session)), Playing)


async def test_a_check_of_an_address_that_is_none_is_answered(bench: Bench):
    """The server is passed over."""
    message = ConnectionCheck(id="msg_1", servers=[CheckServer(url="turn:[::")])

    assert isinstance(await ask(bench, message), ConnectionChecked)


# --- faults nobody foresaw


async def test_a_check_that_fails_is_said_and_another_may_follow(bench: Bench):
    """What fails outside its parts, each of which has a row, ends it as malformed; it is not the last one."""
    bench.agent.world.cameras.known = raises  # type: ignore[method-assign]
    for name in ("msg_1", "msg_2"):
        said = await ask(bench, ConnectionCheck(id=name, servers=[]))
        assert isinstance(said, m.Problem)
        assert said.code == "malformed"
    assert faults(bench) == ["check", "check"]


async def test_an_order_that_fails_is_refused_and_the_next_one_taken(bench: Bench):
    """Neither the view nor the agent ends with it."""
    player = await started(bench)
    session = bench.agent.sessions.running[0].grant.session
    player.steer = fails  # type: ignore[method-assign]
    assert isinstance(await ask(bench, playback(session)), m.Problem)
    del player.steer

    assert isinstance(await ask(bench, Playback(id="msg_2", session=session)), Playing)
    assert faults(bench) == ["order"]


async def test_a_grant_that_cannot_be_checked_is_refused(bench: Bench):
    """No session opens, the record says why, and the next grant is checked."""
    bench.agent.gate.check = fails  # type: ignore[method-assign]
    assert await answer(bench) == Code.GRANT_INVALID
    assert "OverflowError" in bench.agent.journal.newest(1)[0].body["why"]
    del bench.agent.gate.check

    assert await answer(bench) == "accepted"


@pytest.mark.parametrize("what", ["publish", "take"])
async def test_a_session_whose_picture_fails_ends_with_an_account(bench: Bench, what: str):
    """An uplink or a still that fails ends its session, and no other."""
    failing: Any = bench.publisher if what == "publish" else bench.stills
    setattr(failing, what, fails)
    place = {"upload_url": "https://gw.example/stills/ses_1", "upload_token": "once", "label": "7K2M-9QXT"}
    still = {"act": "still.take", "publish": None, "still": place}
    await started(bench)

    await answer(bench, **({} if what == "publish" else still))

    assert len(bench.agent.sessions.running) == 1
    assert [line.kind for line in bench.agent.journal.newest(2)] == ["stopped", "fault"]


async def test_an_uplink_that_fails_while_it_sends_ends_its_session_and_no_other(bench: Bench):
    """Its account is written, the record says what it was, and the next view may begin."""
    await started(bench)
    assert await answer(bench) == "accepted"
    uplink = bench.publisher.publications[-1]
    uplink.fault = OverflowError("nobody foresaw this")

    uplink.halt()
    await anyio.wait_all_tasks_blocked()

    assert [line.kind for line in bench.agent.journal.newest(2)] == ["stopped", "fault"]
    assert len(bench.agent.sessions.running) == 1
    assert await answer(bench) == "accepted"


async def test_a_goodbye_that_fails_is_written_down(bench: Bench):
    """The view is over by then; the agent goes on."""
    assert await answer(bench) == "accepted"
    bench.publisher.publications[-1].stop = fails  # type: ignore[method-assign]

    bench.agent.sessions.end_all("policy")
    await anyio.wait_all_tasks_blocked()

    assert faults(bench) == ["goodbye"]
    assert await answer(bench) == "accepted"


async def test_a_message_that_fails_ends_what_runs_and_not_the_agent(bench: Bench):
    """It may have taken something back, so nothing is sent until it is asked for anew."""

    def raises(*_: object, **__: object) -> NoReturn:
        raise OverflowError("nobody foresaw this")

    assert await answer(bench) == "accepted"
    bench.agent.policy.no = raises  # type: ignore[method-assign]

    bench.agent.desk.take(m.PolicyNo(id="msg_1", sha256="00" * 32))
    await anyio.wait_all_tasks_blocked()

    assert bench.agent.sessions.running == ()
    assert faults(bench) == ["PolicyNo"]
