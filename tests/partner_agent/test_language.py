"""The owner's page on the machine speaks the browser's language, and every text of it is there in Spanish."""

import ast
import re
from http import HTTPStatus
from pathlib import Path

import pytest

from partner_agent import (
    areas,
    demux,
    local_areas,
    local_page,
    local_record,
    local_view,
    local_words,
    pin,
    premises,
    rtsp,
    site,
)
from partner_agent.language import ENGLISH, SPANISH, _, asked_for, speaking, spoken
from partner_agent.local_http import Request
from partner_agent.local_page import LocalPage
from partner_agent.settings import Secret
from partner_agent.spanish import TEXTS
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench

HOST = "127.0.0.1:8790"
TABLES = (
    *("ACTS", "_LOOKS", "STATES", "WORKS", "_LINES", "_DETAILS", "_HOW", "PROBLEM_SENTENCES", "NOTHING_WAITS"),
    *("NO_AREA", "_EDGES", "_OF", "_A_MESSAGE", "_LIVE_FROM", "LONG_GOP", "ANEW"),
)
SENTENCES = ("ActError", "PinError", "AreaError", "_plain")
HELD = re.compile(r"%\(\w+\)[sd]|\{\}")


@pytest.mark.parametrize(
    ("header", "code"),
    [("", "en"), ("de", "en"), ("*", "en"), ("en,es", "en"), ("x," * 300 + "es", "en"),
     ("es", "es"), ("es-MX,es;q=0.9,en;q=0.8", "es"), ("fr, ES-us;q=0.5", "es")],
)  # fmt: skip
def test_the_browser_says_which_language(header, code):
    """The first that is ours; what is none of ours, and a header without end, is English."""
    assert asked_for(header) == code


def test_what_has_no_text_is_said_in_english():
    """And English needs none."""
    with speaking(SPANISH):
        assert _("Nobody wrote this.") == "Nobody wrote this."
        assert _("Your cameras") == "Sus cámaras"
    assert (spoken(), _("Your cameras")) == (ENGLISH, "Your cameras")


def _texts() -> set[str]:
    """What the page can say: what is given to `_`, the tables that are looked up, the sentences of refusals."""
    found: set[str] = set()
    for module in (local_areas, local_record, local_words, local_view, local_page, site, pin, areas, premises):
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            match node:
                case ast.Call(func=ast.Name("_"), args=[ast.Constant(str(text)), *_rest]):
                    found.add(text)
                case ast.Call(func=ast.Name(name), args=[*_, ast.Constant(str(text))]) if name in SENTENCES:
                    found.add(text)
                case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value) if name in TABLES:
                    found |= _values(value)
                case ast.Return(value=ast.Constant(str(text))) if module in (local_page, pin):
                    found.add(text)
    return {text for text in found if text not in {"", "{}", "No.", "Done."} and " input" not in text}


def test_what_a_camera_says_is_there_in_spanish():
    """Every sentence that demultiplexer and source give its owner, those with a codec's name in them too."""
    tree = ast.parse("".join(Path(module.__file__).read_text() for module in (demux, rtsp)))
    found = {
        node.value.value if isinstance(node.value, ast.Constant) else "This camera sends HEVC."
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "sentence"
    }
    found |= {
        one.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "CameraError"
        for one in node.args[1:]
        if isinstance(one, ast.Constant)
    }

    assert len(found) > 8
    assert [text for text in found if not any(known.startswith(text) for known in TEXTS)] == []


def _values(value: ast.expr) -> set[str]:
    nodes = value.values if isinstance(value, ast.Dict) else [value]
    found = {
        n.value for one in nodes for n in ast.walk(one) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    return found - {"resume", "clear"}


def test_every_text_of_the_page_is_there_in_spanish():
    """With the same values in it."""
    texts = _texts()

    assert len(texts) > 100
    assert texts - TEXTS.keys() == set()
    assert [text for text, said in TEXTS.items() if sorted(HELD.findall(text)) != sorted(HELD.findall(said))] == []


@pytest.mark.anyio
async def test_the_page_is_spanish_for_a_spanish_browser(tmp_path: Path, clock: FakeClock):
    """From the first page to the refusal of a wrong code no English sentence is left, the rules included."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        page = LocalPage(
            site=bench.agent.site, clock=clock, ids=bench.ids, input_secret=Secret("s"), show=lambda _line: None
        )
        page.bind(8790)
        headers = {"host": HOST, "origin": f"http://{HOST}", "accept-language": "es-MX"}
        sha256 = bench.send_policy(build.policy(build.rule()), is_proposal=True)
        home = await page.handle(Request("GET", "/", headers))
        begun = await page.handle(Request("POST", "/begin", headers, {"act": "approve", "subject": sha256}))
        form = {"act": "approve", "subject": sha256, "code": "000000", "pin": PIN}
        refused = await page.handle(Request("POST", "/act", headers, form))

    assert (home.status, begun.status, refused.status) == (HTTPStatus.OK, HTTPStatus.OK, HTTPStatus.FORBIDDEN)
    assert '<html lang="es-US">' in home.body
    assert "¿Compartir más?" in home.body
    assert "puede ver" in begun.body
    assert "Ese no es el código de la terminal." in refused.body
    for answer in (home, begun, refused):
        assert [text for text in TEXTS if len(text) > 12 and "%" not in text and text in answer.body] == []
