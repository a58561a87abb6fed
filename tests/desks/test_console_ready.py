"""The call that waits for the next picture: taken by the first that starts alone, and gone with the page."""

import pytest
from playwright.sync_api import Route

from tests.support.browser import Watched, watched
from tests.support.console_room import open_all, room, tell_running, until_true

__all__ = ["room"]
pytestmark = pytest.mark.browser
_NOTE_PEERS = """
window.__peers = [];
{ const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(given) { super(given); window.__peers.push(this); }
    async createOffer() { const offer = await super.createOffer(); window.__waiting ??= this; return offer; }
  }; }
"""
_NO_OFFERS = (
    "RTCPeerConnection.prototype.createOffer = async () => { window.__failed = true; throw new Error('none'); };"
)


def _until_over(seen: Watched) -> None:
    """The room's two pictures were refused, and a call waits for the next, or could not be made."""
    seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
    seen.until("Boolean(window.__waiting || window.__failed)")


def _press_watch(seen: Watched) -> None:
    seen.page.locator("#cameras .watch").first.click()


def test_a_picture_that_starts_alone_takes_the_call_that_waits(chromium, room):
    """It had gathered nothing; its offer goes along with the question, and then it knows the ways past a firewall."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.add_init_script(_NOTE_PEERS)
        page.goto(room.open())
        _until_over(seen)
        assert page.evaluate("window.__waiting.iceGatheringState") == "new"

        with page.expect_response("**/live-sessions/several"):
            _press_watch(seen)

        assert room.asked[-1]["offer"].startswith("v=0")
        assert page.evaluate("window.__waiting.localDescription?.sdp.startsWith('v=0')")
        [server] = page.evaluate("window.__waiting.getConfiguration().iceServers")
        assert server["urls"] == ["turns:turn.example.net:443?transport=tcp"]
        seen.until("window.__peers.at(-1).localDescription === null")  # and one waits for the next


def test_without_one_a_picture_does_not_wait_for_its_offer(chromium, room):
    """On a short line the question goes out at once, and nothing is said of what could not be made ahead."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(_NO_OFFERS)
        seen.page.goto(room.open())
        _until_over(seen)

        with seen.page.expect_response("**/live-sessions/several"):
            _press_watch(seen)

        assert not room.asked[-1]["offer"]


def test_what_waits_is_closed_with_the_page(chromium, room):
    """A page that is kept for the way back holds no connection."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(_NOTE_PEERS)
        seen.page.goto(room.open())
        _until_over(seen)

        seen.page.evaluate("dispatchEvent(new Event('pagehide'))")

        seen.until("window.__waiting.signalingState === 'closed'")


def test_a_relay_that_refuses_an_offer_that_came_along_is_told(chromium, room):
    """As where the browser calls by itself: the cause stands on the tile, the view is left, and nobody calls again."""
    left: list[str] = []
    calls: list[str] = []
    posts: list[int] = []

    def refuse(route: Route) -> None:
        open_all(route, posts, refused={"status": 503, "detail": "The relay is full. Try again in a moment."})

    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.route("**/live-sessions/several", refuse)
        page.route("**/live-sessions/ses_*", lambda route: tell_running(route, left))
        page.route("**/whep/*", lambda route: calls.append(route.request.method))
        page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        said = page.locator("lens-player .player-state").all_inner_texts()
        assert said == ["The relay is full. Try again in a moment."] * 2
        until_true(seen, lambda: left.count("DELETE") == 2)
        assert calls == []


def test_a_pressed_button_paints_nothing_more(chromium, room):
    """Only what a pointer passes over fades: what was pressed has the processor for what it began."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        page.evaluate("document.documentElement.style.setProperty('--motion', '20s')")
        page.locator("#cameras .watch").first.hover()
        fading = "document.querySelector('#cameras .watch').getAnimations().length"
        seen.until(f"{fading} > 0")
        page.mouse.down()

        assert page.evaluate(fading) == 0
