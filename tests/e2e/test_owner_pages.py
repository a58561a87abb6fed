"""The real program: a shop registers in a browser, opens the mailed link, places a camera, signs out."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.support.browser import browser, watched
from tests.support.processes import free_port, newest_mail, run_lenspact, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """`lenspact serve` on a state folder of its own; its origin and its mail spool."""
    port = free_port()
    state = tmp_path / "state"
    variables = {
        "LENSPACT_STATE_DIR": str(state),
        "LENSPACT_PORT": str(port),
        "LENSPACT_PUBLIC_URL": f"http://localhost:{port}",
    }
    done = run_lenspact("migrate", variables=variables)
    assert done.returncode == 0, done.stderr
    origin = f"http://localhost:{port}"
    with serving(log=tmp_path / "serve.log", variables=variables, ready=f"{origin}/healthz"):
        yield origin, state / "spool"


def _link(spool: Path) -> str:
    mail = message_from_bytes(newest_mail(spool).read_bytes(), policy=policy.default)
    found = re.search(r"http://localhost:\d+/sign-in/link/\S+", mail.get_content())
    assert found
    return found.group(0)


def test_a_shop_registers_and_puts_a_camera_on_the_list(gateway):
    """Every step through the program as it is shipped: real mail, real session, real token, real policy headers."""
    origin, spool = gateway
    with browser() as chromium, watched(chromium) as seen:
        page = seen.page
        page.goto(origin + "/register")
        page.check("input[value=business]")
        page.fill("#name", "Corner Shop")
        page.fill("#address", "1 North State Street, Chicago")
        page.fill("#contact_name", "Ana Ruiz")
        page.fill("#email", "ana@example.org")
        page.click("text=Send me the link")
        page.wait_for_url("**/register/sent")
        page.goto(_link(spool))
        page.click("main button")
        page.wait_for_url("**/portal/set-up")
        assert page.locator("li.is-done").count() == 1
        page.click("text=Do it: Say where it is")
        page.wait_for_url("**/portal/sites/new")
        page.fill("#lat", "41.8819")
        page.fill("#lon", "-87.6278")
        seen.until("document.querySelector('lens-map').hasAttribute('data-ready')", timeout_s=30)
        page.click("text=Save the place")
        page.wait_for_url("**/cameras/new?done=site-saved")
        page.fill("#name", "Front door")
        page.fill("#heading", "90")
        page.click("text=Save the camera")
        page.wait_for_url("**/portal/set-up?done=camera-saved")
        for path in ("/portal", "/portal/requests", "/portal/who-looked", "/portal/organisation"):
            assert page.goto(origin + path).status == 200
        assert seen.violations() == []
        assert seen.errors == []
        page.click("text=Sign out")
        page.wait_for_load_state()
        page.goto(origin + "/portal")
        assert "/sign-in" in page.url
