"""The site's look at its own connection: who is asked, what is told, one at a time, kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from partner_agent.checks import WANTED_S, Checks, Looks
from partner_agent.first_picture import FirstPicture
from partner_agent.line import LineRate
from partner_agent.rtc.detours import Way
from partner_agent.rtc.netcheck import NetworkFindings
from partner_agent.rtc.turn import TurnServer
from partner_agent.wire.check_messages import (
    CheckedCamera,
    CheckServer,
    CheckUpload,
    ConnectionCheck,
    ConnectionChecked,
    ConnectionWanted,
)
from partner_agent.wire.messages import Noted, Problem, Unsupported
from tests.fakes.clock import FakeClock
from tests.support.agents import Bench

pytestmark = pytest.mark.anyio
SERVERS = [
    CheckServer(url="stun:turn.example.net:3479"),
    CheckServer(url="turn:turn.example.net?transport=udp", username="9:s", credential="p"),
    CheckServer(url="turns:turn.example.net:443?transport=tcp", username="9:s", credential="p"),
    CheckServer(url="https://turn.example.net"),
    CheckServer(url="turn:turn.example.net:99999999"),
    CheckServer(url="turn:[::"),
]


class FakeNetwork:
    """Notes whom it was to ask; answers once it may."""

    def __init__(self) -> None:
        self.way: Way | None = "straight"
        self.asked: list[tuple[list[tuple[str, int]], list[TurnServer]]] = []
        self.may_answer = anyio.Event()
        self.fault: Exception | None = None

    async def examine(self, stun: Sequence[tuple[str, int]], turn: Sequence[TurnServer]) -> NetworkFindings:
        self.asked.append((list(stun), list(turn)))
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return NetworkFindings("no", "unknown", "no", "yes")


class FakePictures:
    """The first camera is opened and has no second key picture in time; the other is not come to."""

    def __init__(self) -> None:
        self.more: dict[str, FirstPicture] = {}

    async def look(self, deadline_s: float) -> Mapping[str, FirstPicture]:
        assert deadline_s > 0
        return {"cam_1": FirstPicture(codec="h264", open_ms=80, first_ms=400, waited_ms=9_000), **self.more}


class FakeMeter:
    """Finds five megabits, unless somebody watches."""

    def __init__(self) -> None:
        self.uploads: list[CheckUpload] = []

    async def measure(self, upload: CheckUpload, *, is_watched: Callable[[], bool]) -> LineRate:
        self.uploads.append(upload)
        return LineRate(why="watched") if is_watched() else LineRate(5_000)


class Look:
    """The checks of an agent on the desk, with their surroundings."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.bench, self.network, self.meter = Bench(folder, clock), FakeNetwork(), FakeMeter()
        self.pictures = FakePictures()
        self.is_watched = False
        self.checks = self.build()

    def build(self) -> Checks:
        """As after a start."""
        bench = self.bench
        return Checks(
            store=bench.store,
            outbox=bench.agent.outbox,
            clock=bench.clock,
            ids=bench.ids,
            cameras=bench.cameras,
            sync=bench.sync,
            looks=Looks(network=self.network, pictures=self.pictures, meter=self.meter),
            is_linked=lambda: bench.agent.outbox.is_open,
            is_watched=lambda: self.is_watched,
            uplink_kbps=0,
            journal=bench.agent.journal,
        )

    async def answer(self, message: ConnectionCheck) -> ConnectionChecked:
        """The one answer to a check."""
        self.network.may_answer.set()
        async with anyio.create_task_group() as tasks:
            self.checks.bind(tasks)
            self.checks.take(message)
        (said,) = self.bench.heard(ConnectionChecked)
        return said


@pytest.fixture
def look(tmp_path: Path, clock: FakeClock) -> Look:
    """One site."""
    return Look(tmp_path, clock)


async def test_a_second_check_is_refused_while_one_runs_and_the_answer_names_no_address(look: Look):
    """STUN goes to what answers it over UDP, places are asked of TURN servers, and what is neither is passed over."""
    async with anyio.create_task_group() as tasks:
        look.checks.bind(tasks)
        look.checks.take(ConnectionCheck(id="msg_1", servers=SERVERS))
        look.checks.take(ConnectionCheck(id="msg_2", servers=SERVERS))
        await anyio.wait_all_tasks_blocked()
        (refused,) = look.bench.heard(Problem)
        assert (refused.re, refused.code) == ("msg_2", "limit")
        look.network.may_answer.set()

    ((stun, turn),) = look.network.asked
    assert stun == [("turn.example.net", 3479), ("turn.example.net", 3478)]
    assert [(server.port, server.is_tls) for server in turn] == [(3478, False), (443, True)]
    (said,) = look.bench.heard(ConnectionChecked)
    assert (said.re, said.udp, said.turn_tls, said.by_server) == ("msg_1", "no", "yes", False)
    assert look.checks.last == (look.bench.clock.now(), said)


async def test_a_gateway_of_before_hears_only_fields_that_it_knows(look: Look):
    """Whoever asks for no full check may read no other answer: nothing is opened, nothing measured."""
    said = await look.answer(ConnectionCheck(id="msg_1", servers=[]))

    assert said.cameras == [CheckedCamera(camera="cam_1"), CheckedCamera(camera="cam_2")]
    assert (said.line_kbps, said.unmeasured, look.meter.uploads) == (None, None, [])


@pytest.mark.parametrize(("way", "tunnel"), [(None, "offered"), ("straight", "offered"), ("tunnel", "used")])
async def test_a_site_tells_whether_its_pictures_went_inside_a_websocket(look: Look, way: Way | None, tunnel: str):
    """To a gateway that takes them so and asks; no other one knows the word."""
    look.network.way = way

    said = await look.answer(ConnectionCheck(id="msg_1", servers=[], has_tunnels=True))
    assert (said.tunnel, said.by_server) == (tunnel, None if way is None else False)
    said = await look.answer(ConnectionCheck(id="msg_2", servers=[]))
    assert said.tunnel is None


async def test_a_full_check_opens_the_cameras_and_measures_the_line(look: Look):
    """A camera whose second key picture did not come is told with how long it was waited for."""
    upload = CheckUpload(url="https://gw.example/agent/v1/line", token="t")
    said = await look.answer(ConnectionCheck(id="msg_1", servers=[], is_full=True, upload=upload))

    first = CheckedCamera(
        camera="cam_1", codec="h264", open_ms=80, first_ms=400, key_distance_ms=9_000, is_key_distance_least=True
    )
    assert said.cameras == [first, CheckedCamera(camera="cam_2")]
    assert (said.line_kbps, look.meter.uploads) == (5_000, [upload])


async def test_a_distance_that_was_seen_is_not_guessed(look: Look):
    """What a camera sent before stands, however long the second key picture was waited for now."""
    look.bench.cameras.infos[0] = replace(look.bench.cameras.infos[0], key_distance_ms=1_000)
    said = await look.answer(ConnectionCheck(id="msg_1", servers=[], is_full=True))

    assert (said.cameras[0].key_distance_ms, said.cameras[0].is_key_distance_least) == (1_000, False)
    assert said.unmeasured == "unasked"


async def test_the_line_is_not_measured_while_somebody_watches(look: Look):
    """And the answer says so."""
    look.is_watched = True
    upload = CheckUpload(url="https://gw.example/agent/v1/line", token="t")
    said = await look.answer(ConnectionCheck(id="msg_1", servers=[], is_full=True, upload=upload))

    assert (said.line_kbps, said.unmeasured) == (None, "watched")


@pytest.mark.parametrize(
    ("network", "pictures", "faults", "told"),
    [
        (ZeroDivisionError("10.0.0.7"), {}, ["network"], {"of": "network", "why": "ZeroDivisionError"}),
        (
            None,
            {"cam_2": FirstPicture(fault="KeyError")},
            ["cam_2"],
            {"of": "check", "camera": "cam_2", "why": "KeyError"},
        ),
    ],
)
async def test_a_part_that_fails_as_nobody_foresaw_is_told_and_the_rest_is_answered(
    look: Look, network: Exception | None, pictures: dict[str, FirstPicture], faults: list[str], told: dict[str, str]
):
    """The record names the part and the kind of error; the next check begins without it."""
    look.network.fault, look.pictures.more = network, pictures
    said = await look.answer(ConnectionCheck(id="msg_1", servers=[], is_full=True))

    assert look.checks.faults == faults
    assert [line.body for line in look.bench.agent.journal.all() if line.kind == "fault"] == [told]
    assert (said.udp, said.cameras[0].first_ms) == ("untried" if network else "no", 400)
    assert said.cameras[1] == CheckedCamera(camera="cam_2")

    look.network.fault, look.pictures.more = None, {}
    async with anyio.create_task_group() as tasks:
        look.checks.bind(tasks)
        look.checks.take(ConnectionCheck(id="msg_2", servers=[], is_full=True))
    assert look.checks.faults == []


async def test_the_newest_answer_outlives_a_restart(look: Look):
    """So that the doctor tells it; what another version kept, and is not read here, is none."""
    said = await look.answer(ConnectionCheck(id="msg_1", servers=[], is_full=True))

    assert look.build().last == (look.bench.clock.now(), said)
    look.bench.store.put("connection_check", '1 {"t":"connection_checked"}')
    assert look.build().last is None


async def test_somebody_on_site_asks_by_way_of_the_gateway(look: Look):
    """It names servers and the place for the line; a second wish meanwhile asks nothing."""
    async with anyio.create_task_group() as tasks:
        look.checks.bind(tasks)
        look.checks.want()
        look.checks.want()
        (wanted,) = look.bench.heard(ConnectionWanted)
        look.bench.agent.desk.take(Noted(id="msg_8", re=wanted.id))
        assert look.checks.is_running
        look.network.may_answer.set()
        look.checks.take(ConnectionCheck(id="msg_9", servers=SERVERS, is_full=True))

    assert not look.checks.is_running
    assert [said.re for said in look.bench.heard(ConnectionChecked)] == ["msg_9"]


@pytest.mark.parametrize(
    "no", [lambda re: Problem(id="msg_9", re=re, code="limit"), lambda re: Unsupported(id="msg_9", re=re, tag="t")]
)
async def test_a_gateway_that_does_not_ask_keeps_nobody_from_looking_at_the_cameras(
    look: Look, no: Callable[[str], Problem | Unsupported]
):
    """It was asked too often, or is older than this; its servers and the line are not tried, and nothing is told it."""
    look.network.may_answer.set()
    async with anyio.create_task_group() as tasks:
        look.bench.agent.desk.checks.bind(tasks)
        look.bench.agent.site.look()
        (wanted,) = look.bench.heard(ConnectionWanted)
        look.bench.agent.desk.take(no(wanted.id))

    assert look.bench.heard(ConnectionChecked) == []
    last = look.bench.agent.desk.checks.last
    assert last is not None
    assert (last[1].udp, last[1].unmeasured) == ("untried", "unasked")


async def test_without_a_link_the_cameras_are_looked_at_alone(look: Look):
    """Nobody is asked, and the doctor has an answer."""
    look.bench.agent.outbox.close()
    look.network.may_answer.set()
    async with anyio.create_task_group() as tasks:
        look.checks.bind(tasks)
        look.checks.want()

    assert look.checks.last is not None
    assert look.checks.last[1].cameras[0].first_ms == 400


async def test_a_gateway_that_says_nothing_is_not_waited_for_without_end(look: Look):
    """After ten seconds somebody may ask again."""
    async with anyio.create_task_group() as tasks:
        look.checks.bind(tasks)
        look.checks.want()
        look.bench.clock.advance(WANTED_S + 1)
        assert not look.checks.is_running
        look.checks.want()

    assert len(look.bench.heard(ConnectionWanted)) == 2
