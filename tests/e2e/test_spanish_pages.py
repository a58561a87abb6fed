"""The real program in Spanish, on a phone: an owner registers, says what is shared, and reads no English."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gateway.web import load_languages
from tests.support.browser import Watched, browser, watched
from tests.support.pages import AXE
from tests.support.processes import free_port, newest_mail, run_lenspact, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPANISH = load_languages()["es"]
# sentences that would stand out; shorter ones may be part of a name or of a Spanish sentence
ENGLISH = sorted(
    text
    for text, said in SPANISH.texts.items()
    if len(text) > 14 and text[0].isupper() and "%(" not in text and said != text
)
OWNERS_PAGES = (
    *("/portal", "/portal/set-up", "/portal/requests", "/portal/who-looked", "/portal/organisation"),
    *("/portal/people/new", "/portal/agreement", "/portal/passkeys", "/portal/withdraw", "/portal/sites/new"),
    *("/account", "/register", "/sign-in", "/sign-in/owner", "/sign-in/agency", "/", "/style", "/nowhere"),
)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """`lenspact serve` on a state folder of its own; its origin and its mail spool."""
    port = free_port()
    origin, state = f"http://localhost:{port}", tmp_path / "state"
    variables = {"LENSPACT_STATE_DIR": str(state), "LENSPACT_PORT": str(port), "LENSPACT_PUBLIC_URL": origin}
    done = run_lenspact("migrate", variables=variables)
    assert done.returncode == 0, done.stderr
    with serving(log=tmp_path / "serve.log", variables=variables, ready=f"{origin}/healthz"):
        yield origin, state / "spool"


def read_in_spanish(seen: Watched, where: str) -> None:
    """The page says that it is Spanish, holds no English sentence of ours, fits the phone, and axe finds nothing."""
    page = seen.page
    assert page.locator("html").get_attribute("lang") == "es-US", where
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    text = page.inner_text("body")
    assert [sentence for sentence in ENGLISH if sentence in text] == [], where
    wide = page.evaluate(
        """document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('main *')]
           .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120)) : []"""
    )
    assert wide == [], where
    assert seen.axe() == [], where


def test_an_owner_reads_every_page_in_spanish(gateway, tmp_path):
    """From the choice in the foot of the first page to the rules in words, with mail, mistakes and notices."""
    origin, spool = gateway
    with browser() as chromium, watched(chromium, width=360, height=740) as seen:
        page = seen.page
        page.route("**/test/axe.js", lambda route: route.fulfill(path=AXE, content_type="text/javascript"))
        page.goto(origin + "/register")
        page.click("text=Español")
        page.wait_for_url("**/register")
        read_in_spanish(seen, "/register")
        page.click("main button.main")
        read_in_spanish(seen, "/register with mistakes")
        page.check("input[value=business]")
        page.fill("#name", "Tienda de la Esquina")
        page.fill("#address", "1 North State Street, Chicago")
        page.fill("#contact_name", "Ana Ruiz")
        page.fill("#email", "ana@example.org")
        page.click("main button.main")
        page.wait_for_url("**/register/sent")
        read_in_spanish(seen, "/register/sent")
        mail = message_from_bytes(newest_mail(spool).read_bytes(), policy=policy.default)
        assert mail["subject"] == "Su enlace para iniciar sesión"
        link = re.search(r"http://localhost:\d+/sign-in/link/\S+", mail.get_content())
        assert link
        assert not [sentence for sentence in ENGLISH if sentence in mail.get_content()]
        page.goto(link.group(0))
        page.click("main button")
        page.wait_for_url("**/portal/set-up")
        site = _place(page)
        _agree(page, origin)
        _share(seen, origin, site)
        for path in (
            *OWNERS_PAGES,
            f"/portal/sites/{site}",
            f"/portal/sites/{site}/pair",
            f"/portal/sites/{site}/agent",
        ):
            page.goto(origin + path)
            read_in_spanish(seen, path)
        assert seen.violations() == []


def _place(page) -> str:
    page.click("ol.steps a.button.main")
    page.wait_for_url("**/portal/sites/new")
    page.fill("#lat", "41.8819")
    page.fill("#lon", "-87.6278")
    page.click("main button.main")
    page.wait_for_url("**/cameras/new?done=site-saved")
    found = re.search(r"/sites/([^/]+)/", page.url)
    assert found
    page.fill("#name", "Portón")
    page.fill("#heading", "90")
    page.check("input[value=public]")
    page.click("main button.main")
    page.wait_for_url("**/portal/set-up?done=camera-saved")
    return found.group(1)


def _agree(page, origin: str) -> None:
    page.goto(origin + "/portal/agreement")
    page.check("#accepts")
    page.click("main button.main")
    page.wait_for_url("**done=agreement-accepted")


def _share(seen: Watched, origin: str, site: str) -> None:
    page = seen.page
    page.goto(f"{origin}/portal/sites/{site}/sharing")
    read_in_spanish(seen, "sharing, nothing said")
    page.click("a.button.main")
    read_in_spanish(seen, "the form")
    page.click("button[value=look]")
    page.wait_for_selector("#changes")
    read_in_spanish(seen, "what changes")
    page.click("button[value=save]")
    page.wait_for_url("**/sharing?done=sharing-saved")
    read_in_spanish(seen, "sharing, in words")
    text = page.inner_text("main")
    assert "City Police puede ver Portón en vivo y tomar fotos, solo por un incidente cercano" in text
    assert "Se le avisa a usted cada vez." in text
