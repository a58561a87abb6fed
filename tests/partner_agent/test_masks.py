"""Areas at a site: drawn here, kept here; what a rule asks for and nobody drew is not shown."""

from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent import control
from partner_agent.local_http import Request
from partner_agent.local_page import LocalPage
from partner_agent.masks import Masks
from partner_agent.settings import Secret
from partner_agent.wire import messages as m
from partner_agent.wire.problems import Code
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench

pytestmark = pytest.mark.anyio

SQUARE = [[1000, 1000], [5000, 1000], [5000, 5000], [1000, 5000]]
OWED = build.policy(build.rule(), terms=(build.terms(masks=frozenset({"door"})),))
HOST = "127.0.0.1:8790"


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site whose first camera was seen, and whose rule asks for an area."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        cameras = bench.cameras
        cameras.infos = [replace(cameras.infos[0], width=1280, height=720), *cameras.infos[1:]]
        bench.share(OWED)
        yield bench


def draw(bench: Bench, **changes: Any) -> dict[str, Any]:
    """Draw from the terminal."""
    usual = {"do": "area", "subject": "cam_1", "label": "Door", "points": SQUARE, "pin": PIN}
    return control.answer(bench.agent.site, {**usual, **changes})


async def asked(bench: Bench) -> str:
    """What a live view is answered."""
    obligations = {**bench.body()["obligations"], "masks": ["door"]}
    await bench.agent.desk.grant(bench.gateway.grant(bench.body(obligations=obligations)))
    await anyio.wait_all_tasks_blocked()
    refused = [item for item in bench.heard(m.Message) if isinstance(item, m.Refused)]
    return str(bench.claims(refused[-1])["code"]) if refused else "accepted"


async def test_a_view_that_owes_an_area_nobody_drew_is_refused(bench: Bench):
    """The site decides by its own list."""
    assert await asked(bench) == Code.POLICY_DENIES


@pytest.mark.parametrize(
    "changes",
    [{"pin": "0"}, {"subject": "cam_9"}, {"subject": "cam_2"}, {"label": "…"}, {"points": SQUARE[:2]}, {"points": None},
     {"points": [[0, 0], [20_000, 0], [0, 20_000]]}],
)  # fmt: skip
async def test_what_is_wrong_draws_nothing(bench: Bench, changes: dict[str, Any]):
    """Another PIN, no such camera or one never seen, no name, no area."""
    assert draw(bench, **changes)["ok"] is False
    assert Masks(bench.agent.store).names("cam_1") == frozenset()


async def test_once_it_is_drawn_the_view_begins_and_owes_it(bench: Bench):
    """Drawn at the terminal with the PIN; the uplink is told what is black."""
    assert draw(bench) == {"ok": True}
    assert await asked(bench) == "accepted"
    assert bench.publisher.orders[0].limits.masks == {"door"}


@pytest.mark.parametrize(("first", "second"), [("窗 1", "门 1"), ("Door", "door")])
async def test_two_areas_that_rules_call_the_same_are_not_one(bench: Bench, first: str, second: str):
    """The first one stays as it is, the second is refused in a sentence; the same label draws it anew."""
    elsewhere = [[6000, 6000], [9000, 6000], [9000, 9000]]
    draw(bench, label=first)

    refused = draw(bench, label=second, points=elsewhere)

    assert "Another area" in refused["sentence"]
    (area,) = Masks(bench.agent.store).of("cam_1")
    assert (area.label, [list(point) for point in area.points]) == (first, SQUARE)
    assert draw(bench, label=first, points=elsewhere) == {"ok": True}


@pytest.mark.parametrize("act", ["drawn anew", "removed"])
async def test_an_area_that_changes_ends_the_views_that_owe_it(bench: Bench, act: str):
    """Drawn anew or removed: what runs shows the old one."""
    draw(bench)
    await asked(bench)
    assert len(bench.agent.sessions.running) == 1
    if act == "removed":
        control.answer(bench.agent.site, {"do": "area_remove", "subject": "cam_1", "label": "door"})
    else:
        draw(bench, points=[[0, 0], [9000, 0], [0, 9000]])

    assert bench.agent.sessions.running == ()


async def test_a_camera_has_a_bounded_number_of_areas(bench: Bench):
    """The seventeenth is refused; one of them may be drawn anew."""
    assert all(draw(bench, label=f"a{n}")["ok"] for n in range(16))
    assert draw(bench, label="one more")["ok"] is False
    assert draw(bench, label="a3")["ok"] is True


async def test_the_page_draws_with_code_and_pin_and_removes_with_one_press(bench: Bench, clock: FakeClock):
    """The numbers of the form are what the code stands for; the list shows what is drawn."""
    shown: list[str] = []
    page = LocalPage(site=bench.agent.site, clock=clock, ids=bench.ids, input_secret=Secret("s"), show=shown.append)
    page.bind(8790)

    async def post(path: str, **form: str) -> Any:
        return await page.handle(Request("POST", path, {"host": HOST, "origin": f"http://{HOST}"}, form))

    sides = {"left": "10", "top": "10", "right": "50.5", "bottom": "50"}
    begun = await post("/begin", act="area", subject="cam_1", label="<Door>", **sides)
    code = shown[-1].split(": ")[1][:6]
    form = {"act": "area", "pin": PIN, "code": code}
    other = await post("/act", **form, subject="cam_1|<Door>|10|10|20|50")
    done = await post("/act", **form, subject="cam_1|<Door>|10|10|50.5|50")
    listed = await page.handle(Request("GET", "/", {"host": HOST}))
    await post("/begin", act="area_remove", subject="cam_1|door")

    assert "&lt;Door&gt;" in begun.body
    assert other.status is HTTPStatus.FORBIDDEN
    assert done.status is HTTPStatus.SEE_OTHER
    assert "10 to 50.5 % across, 10 to 50 % down" in listed.body
    assert "<Door>" not in listed.body
    assert Masks(bench.agent.store).of("cam_1") == ()


@pytest.mark.parametrize("sides", ["10|10|10|50", "10|50|50|10", "a|b|c|d", "nan|0|1|1", "1|2|3"])
async def test_numbers_that_are_no_box_are_refused(bench: Bench, clock: FakeClock, sides: str):
    """With the sentence that says why; nothing is drawn."""
    shown: list[str] = []
    page = LocalPage(site=bench.agent.site, clock=clock, ids=bench.ids, input_secret=Secret("s"), show=shown.append)
    page.bind(8790)
    headers = {"host": HOST, "origin": f"http://{HOST}"}
    form = {"act": "area", "subject": "cam_1", "label": "Door"}
    parts = dict(zip(("left", "top", "right", "bottom"), sides.split("|"), strict=False))
    await page.handle(Request("POST", "/begin", headers, form | parts))
    subject = "|".join(["cam_1", "Door", *(parts.get(side, "") for side in ("left", "top", "right", "bottom"))])
    act = {"act": "area", "subject": subject, "pin": PIN, "code": shown[-1].split(": ")[1][:6]}
    answer = await page.handle(Request("POST", "/act", headers, act))

    assert answer.status is HTTPStatus.FORBIDDEN
    assert Masks(bench.agent.store).of("cam_1") == ()
