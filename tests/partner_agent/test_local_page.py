"""The owner's page: no other name, no other origin, no frame; what gives needs code and PIN, what takes neither."""

import ast
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import anyio
import pytest

from partner_agent import local_http, local_record
from partner_agent.local_http import Request, Response
from partner_agent.local_page import ALWAYS, LocalPage
from partner_agent.local_words import time_of
from partner_agent.settings import Secret
from partner_agent.wire import views
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.messages import ViewAsk
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.documents import clip_request, view_request

pytestmark = pytest.mark.anyio
HOST = "127.0.0.1:8790"
MACHINES_OWN = {
    *("start", "link_up", "link_lost", "key_set", "key_set_refused", "lineage", "lease_refused", "gateway_problem"),
    *("unsupported", "promise_kept", "proof_refused", "preserve_refused"),
}


class Desk:
    """The page of a bench, and what its terminal showed."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.shown = bench, []
        self.page = LocalPage(
            site=bench.agent.site,
            clock=bench.clock,
            ids=bench.ids,
            input_secret=Secret("s3cret"),
            show=self.shown.append,
        )
        self.page.bind(8790)

    async def get(self, path: str = "/", **headers: str) -> Response:
        return await self.page.handle(Request("GET", path, {"host": HOST, **headers}))

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Response:
        usual = {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
        found = {k: v for k, v in (usual | (headers or {})).items() if v}
        return await self.page.handle(Request("POST", path, found, form))

    def code(self) -> str:
        return self.shown[-1].split(": ")[1][:6]


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    """A site with a proposal waiting."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        yield Desk(bench)


@pytest.mark.parametrize("host", ["evil.example:8790", "localhost", "127.0.0.1:80", "", "127.0.0.1:8790.evil.example"])
async def test_another_host_name_is_refused(desk: Desk, host: str):
    """A name that was made to point here (DNS rebinding) gets nothing, not even the page."""
    assert (await desk.get(host=host)).status is HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8790"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
async def test_a_post_from_elsewhere_does_nothing(desk: Desk, headers: dict[str, str]):
    """Another page in the same browser cannot even pause."""
    answer = await desk.post("/begin", headers, act="pause", subject="")

    assert answer.status is HTTPStatus.FORBIDDEN
    assert not desk.bench.agent.switches.is_paused()


async def test_no_answer_may_be_framed_cached_or_read_elsewhere():
    """Every answer carries the headers that say so, and no CORS header."""
    assert "frame-ancestors 'none'" in ALWAYS["Content-Security-Policy"]
    assert ALWAYS["X-Frame-Options"] == "DENY"
    assert ALWAYS["Cache-Control"] == "no-store"
    assert not any(name.lower().startswith("access-control") for name in ALWAYS)


async def test_pause_takes_one_press(desk: Desk):
    """What takes away needs no PIN and no code."""
    answer = await desk.post("/begin", act="pause", subject="")

    assert answer.status is HTTPStatus.SEE_OTHER
    assert desk.bench.agent.switches.is_paused()


async def test_approval_needs_the_terminals_code_and_the_pin(desk: Desk):
    """Both right: in force."""
    sha256 = desk.bench.send_policy(build.policy(build.rule()), is_proposal=True)
    page = await desk.post("/begin", act="approve", subject=sha256)
    assert "More:" in page.body

    answer = await desk.post("/act", act="approve", subject=sha256, pin=PIN, code=desk.code())

    assert answer.status is HTTPStatus.SEE_OTHER
    assert desk.bench.agent.policy.position.sha256 == sha256


@pytest.mark.parametrize("wrong", ["code", "pin", "subject", "act", "never begun", "too late", "twice"])
async def test_anything_wrong_approves_nothing(desk: Desk, clock: FakeClock, wrong: str):
    """A wrong code, PIN, subject or act, a code that is over, and a code used before."""
    sha256 = desk.bench.send_policy(build.policy(build.rule()), is_proposal=True)
    form = {"act": "approve", "subject": sha256, "pin": PIN}
    if wrong != "never begun":
        await desk.post("/begin", act="approve", subject=sha256)
    code = desk.code() if desk.shown else "000000"
    if wrong == "too late":
        clock.advance(121)
    if wrong == "twice":
        await desk.post("/act", **{**form, "pin": "wrong", "code": code})
        await desk.post("/begin", act="clear", subject="clock_skew")
    changes = {"code": {"code": "000000"}, "pin": {"pin": "x"}, "subject": {"subject": "0"}, "act": {"act": "resume"}}

    answer = await desk.post("/act", **{**form, "code": code, **changes.get(wrong, {})})

    assert answer.status is HTTPStatus.FORBIDDEN
    assert desk.bench.agent.policy.in_force is None


async def test_a_code_can_be_tried_three_times(desk: Desk):
    """Guessing six digits ends after three."""
    sha256 = desk.bench.send_policy(build.policy(build.rule()), is_proposal=True)
    await desk.post("/begin", act="approve", subject=sha256)
    for _ in range(3):
        await desk.post("/act", act="approve", subject=sha256, pin=PIN, code="x")

    answer = await desk.post("/act", act="approve", subject=sha256, pin=PIN, code=desk.code())

    assert "That code is over" in answer.body


async def test_five_wrong_pins_lock_for_fifteen_minutes_over_a_restart(desk: Desk, clock: FakeClock):
    """The right PIN does not help before the time is over, nor does a restart."""
    bench = desk.bench
    for _ in range(5):
        assert not _takes_pin(bench, "000000")
    assert not _takes_pin(bench, PIN)
    clock.advance(899)
    bench.restart()
    assert not _takes_pin(bench, PIN)
    clock.advance(901)

    assert _takes_pin(bench, PIN)


def _takes_pin(bench: Bench, pin: str) -> bool:
    from partner_agent.pin import PinError

    try:
        bench.agent.pin.check(pin)
    except PinError:
        return False
    return True


async def test_a_recording_is_sent_only_after_the_owners_yes(desk: Desk):
    """The request is shown with its details; the answer is signed over its digest."""
    bench = desk.bench
    bench.share(build.policy(build.rule()))
    request = clip_request(lineage=bench.agent.policy.position.lineage)
    held = bench.agent.clip_desk.preserve(request, is_asked=True)
    page = await desk.get()
    assert "violent crime" in page.body
    assert "inc_1" in page.body

    await desk.post("/begin", act="clip", subject=held.request_sha256)
    await desk.post("/act", act="clip", subject=held.request_sha256, pin=PIN, code=desk.code())

    assert bench.agent.clip_desk.asked()[0].answer == "yes"


async def test_somebody_watches_live_only_after_the_owners_yes(desk: Desk):
    """Code and PIN for the yes, which the page explains; the no needs neither and is one press."""
    bench = desk.bench
    bench.share(build.policy(build.rule(condition="ask")))
    requests = [
        view_request(lineage=bench.agent.policy.position.lineage, request_id=f"vwr_{n}", incident=f"inc_{n}")
        for n in (1, 2)
    ]
    for request in requests:
        bench.agent.desk.take(ViewAsk(id="msg", request=request))
    first, second = (views.parse(request).sha256 for request in requests)
    page = (await desk.get()).body
    assert page.count("Somebody asks to watch live</h3>") == 2
    assert "Camera 1" in page
    assert "No answer is a no." in page

    begun = await desk.post("/begin", act="view", subject=first)
    assert "let somebody watch live" in begun.body
    assert "violent crime" in begun.body
    await desk.post("/act", act="view", subject=first, pin="000000", code=desk.code())
    assert {each.answer for each in bench.agent.view_asks.asked()} == {None}
    await desk.post("/begin", act="view", subject=first)
    await desk.post("/act", act="view", subject=first, pin=PIN, code=desk.code())
    await desk.post("/begin", act="view_no", subject=second)

    assert [each.answer for each in bench.agent.view_asks.asked()] == ["no", "yes"]


async def test_a_recording_and_a_still_are_asked_for_in_their_own_words(desk: Desk):
    """The exact range, the person, and that it is one picture; the act to confirm is named as what it is."""
    bench = desk.bench
    bench.share(build.policy(build.rule(condition="ask")))
    usual = {"lineage": bench.agent.policy.position.lineage, "who": "per_7"}
    span = {"from": "2026-11-23T14:50:00Z", "to": "2026-11-23T14:58:30Z"}
    recorded = view_request(**usual, **span, act="recorded.view", request_id="vwr_1")
    still = view_request(**usual, act="still.take", request_id="vwr_2")
    for request in (recorded, still):
        bench.agent.desk.take(ViewAsk(id="msg", request=request))
    page = (await desk.get()).body
    assert "Somebody asks to look at your recording</h3>" in page
    assert "Somebody asks for a still picture</h3>" in page
    assert page.count("per_7") == 2
    for moment in span.values():
        assert time_of(from_rfc3339(moment)) in page

    digest = views.parse(recorded).sha256
    begun = (await desk.post("/begin", act="view", subject=digest)).body
    assert "let somebody look at your recording" in begun
    assert time_of(from_rfc3339(span["to"])) in begun
    await desk.post("/act", act="view", subject=digest, pin=PIN, code=desk.code())
    assert [each.answer for each in bench.agent.view_asks.asked()] == [None, "yes"]


@pytest.mark.parametrize(
    ("state", "said", "word", "remedy"),
    [
        ("auth_failed", "The camera refused it. <b>Stop</b>", "Refuses the password", "refused it. &lt;b&gt;Stop"),
        ("auth_failed", "", "Refuses the password", "Correct it in the agent&#x27;s settings"),
        ("gone", "", "Does not answer", "Check its power and network"),
        ("frozen", "", "Connected, and sends no pictures", "Restart the camera"),
    ],
)
async def test_what_is_wrong_with_a_camera_is_said_with_the_remedy(
    desk: Desk, state: str, said: str, word: str, remedy: str
):
    """The owner reads on site what does not work and what to do, in words."""
    desk.bench.cameras.become("cam_1", state, said)
    text = (await desk.get()).body

    assert word in text
    assert remedy in text
    assert f"<td>{state}" not in text


async def test_what_comes_from_outside_is_escaped(desk: Desk):
    """A name is text, never markup."""
    from dataclasses import replace

    desk.bench.cameras.infos = [replace(desk.bench.cameras.infos[0], label="<script>x</script>")]

    assert "<script>" not in (await desk.get()).body


@pytest.mark.parametrize(
    "headers", [{}, {"x-lenspact-input": "wrong"}, {"x-lenspact-input": "s3cret", "origin": f"http://{HOST}"}], ids=str
)
async def test_an_input_needs_its_secret_and_no_browser(desk: Desk, headers: dict[str, str]):
    """A page that guesses the address of the panic button cannot press it."""
    answer = await desk.page.handle(Request("POST", "/input/panic", {"host": HOST, **headers}))

    assert answer.status is HTTPStatus.FORBIDDEN
    assert desk.bench.agent.switches.panic_until is None


async def test_the_panic_input_works_and_ends_by_itself(desk: Desk, clock: FakeClock):
    """Fifteen minutes, then it is over."""
    await desk.page.handle(Request("POST", "/input/panic", {"host": HOST, "x-lenspact-input": "s3cret"}))
    assert desk.bench.agent.switches.panic_until is not None
    clock.advance(15 * 60)

    assert desk.bench.agent.switches.panic_until is None


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nab", 415),
        (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nbad header : x\r\n\r\n", 400),
    ],
)
async def test_a_request_this_page_does_not_need_is_refused(raw: bytes, status: int):
    """The little server takes a request line, single headers and a small form, and nothing else."""

    async def never(request: Request) -> Response:
        raise AssertionError(request)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(local_http.serve, listener, never, ALWAYS)
        with anyio.fail_after(5):
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(raw)
                answer = await stream.receive()
        tasks.cancel_scope.cancel()

    assert answer.startswith(f"HTTP/1.1 {status}".encode())


async def test_who_looks_is_said_in_names(desk: Desk):
    """Rules, what is watched now and the record name things as people do; ids stand small, to quote."""
    bench = desk.bench
    bench.share()
    await bench.send_grant()
    text = (await desk.get()).body

    assert "Chicago Police" in text
    assert build.AGENCY not in text
    assert "violent_crime" not in text
    assert "<code>" in text.split("<h2>Now</h2>")[1]


@pytest.mark.parametrize(
    "raw",
    [
        b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /act HTTP/1.1\r\nContent-Length: " + b"9" * 4400 + b"\r\n\r\n",
        b"GET /fails HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff\xfe",
    ],
    ids=["a host that is none", "a length nobody sends", "a page that fails", "no text"],
)
async def test_nothing_a_browser_sends_ends_the_agent(raw: bytes):
    """Any web page can make a browser send these to the loopback; the next request is answered as ever."""

    async def handle(request: Request) -> Response:
        if request.path == "/fails":
            raise TypeError("unhashable type: 'list'")
        return Response(HTTPStatus.OK, "here")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = int(listener.extra(anyio.abc.SocketAttribute.local_port))
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(local_http.serve, listener, handle, ALWAYS)
        for sent in (raw, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            with anyio.fail_after(5):
                async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                    await stream.send(sent)
                    await stream.send_eof()
                    answer = b"".join([part async for part in stream])
        assert answer.startswith(b"HTTP/1.1 200")
        tasks.cancel_scope.cancel()


async def test_every_line_of_the_record_can_be_shown(desk: Desk):
    """Whatever the record holds, a contradiction of the log with both roots above all, the page is there."""
    for kind in local_record._LINES:
        desk.bench.agent.journal.add(kind, roots=["aa", "bb"], reason=None, camera="door", seconds=3, why={"x": 1})

    assert (await desk.get()).status is HTTPStatus.OK


async def test_the_page_says_how_many_streams_are_made_anew_and_how_many_may_be(desk: Desk):
    """Whoever wonders why a picture is refused reads it beside the cameras."""
    encoders = desk.bench.agent.world.encoders
    encoders.take("door")

    assert f"Streams made anew on this machine now: 1 of at most {encoders.most}." in (await desk.get()).body


async def test_a_fault_has_words_and_says_where_it_was(desk: Desk):
    """In the reader's language; what the gateway called its message is not repeated."""
    journal = desk.bench.agent.journal
    journal.add("fault", of="goodbye", why="OverflowError")
    journal.add("fault", of="PolicyNo", why="KeyError")
    body = (await desk.get()).body

    assert body.count("Something failed that should not; only what it touched has ended") == 2
    assert "in the end of a view, OverflowError" in body
    assert "in a message of the gateway&#x27;s, KeyError" in body
    assert "PolicyNo" not in body


def test_whatever_is_written_down_has_words_or_is_the_machine_s_own():
    """A new kind of line is given words here, or is put on the list of those that say nothing to an owner."""
    written: set[str] = set()
    for path in Path(local_record.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="add", value=ast.Attribute(attr="_journal" | "journal"))):
                    names = ast.walk(node.args[0])
                    written |= {one.value for one in names if isinstance(one, ast.Constant)}

    assert len(written) > 40
    assert written - local_record._LINES.keys() == MACHINES_OWN


async def test_a_view_of_a_recording_is_not_called_live(desk: Desk):
    """Whoever stands at the site reads what is looked at: the present, or what was recorded."""
    bench = desk.bench
    bench.share(build.policy(build.rule(acts=frozenset({Act.RECORDED_VIEW}))))
    recorded = {"from": "2026-11-23T14:51:00.000Z", "to": "2026-11-23T14:56:00.000Z"}
    await bench.send_grant(act="recorded.view", recorded=recorded)

    body = (await desk.get()).body

    assert "</span> Recording</strong>" in body
    assert "looks at the recording of" in body
    assert "</span> Live</strong>" not in body
