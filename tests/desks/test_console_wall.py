"""The console's wall in a real browser: pictures that start together, their layout, limits, watermark and end."""

import pytest
from playwright.sync_api import Route

from gateway.live import topic_of_viewer
from tests.support.browser import Watched, watched
from tests.support.console_room import (
    OPERATOR,
    VIEW,
    demand_sound,
    hear_all,
    open_all,
    room,
    tell_end,
    tell_running,
    two_pictures,
    until_ready,
    until_true,
)

__all__ = ["room"]
pytestmark = pytest.mark.browser


def test_every_picture_knows_the_ways_past_a_firewall_from_its_first_offer(chromium, room):
    """They stand in the page, so a picture that starts by itself with the incident needs to ask nobody for them."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(NOTE_SERVERS)
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        noted = seen.page.evaluate("window.__servers")

        assert len(noted) == 2
        [server] = noted[0]
        assert server["urls"] == ["turns:turn.example.net:443?transport=tcp"]
        assert server["username"] == f'9:"{OPERATOR.person_id}"'


NOTE_SERVERS = """
window.__servers = [];
{ const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    setLocalDescription(...given) {
      window.__servers.push(this.getConfiguration().iceServers);
      return super.setLocalDescription(...given);
    }
  }; }
"""


def test_pictures_that_start_together_are_one_question(chromium, room):
    """Both cameras of the incident go to the gateway at once, each with its own certificate and offer.

    No offer waits until the browser has gathered its addresses, so it names none.
    """
    posts: list[str] = []
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        assert [url.rpartition("/")[2] for url in posts] == ["several"]
        assert len({one["dtls_fingerprint"] for one in room.asked}) == 2
        assert all(one["offer"].startswith("v=0") for one in room.asked)
        assert not any("a=candidate" in one["offer"] for one in room.asked)


def test_the_wall_is_laid_out_by_button_and_by_key_and_stays_so(chromium, room):
    """A layout that is none is refused; a button chooses one, l the next, and the next page begins with it."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.goto(room.open())
        csrf = page.get_attribute("#console", "data-csrf")
        refused = page.request.post(
            room.origin + "/console/layout", data={"layout": "1000"}, headers={"x-csrf-token": csrf}
        )
        assert refused.status == 400
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        page.get_by_role("button", name="9", exact=True).click()
        assert page.get_attribute("#wall", "data-layout") == "9"
        with page.expect_response("**/console/layout"):
            page.keyboard.press("l")
        assert page.get_attribute("#wall", "data-layout") == "16"
        assert page.locator("#layouts [aria-pressed=true]").inner_text() == "16"
        demand_sound(seen)
        page.reload()
        assert page.get_attribute("#wall", "data-layout") == "16"


def test_the_page_itself_never_scrolls_on_a_desk(chromium, room):
    """Rail, scene and wall do, each for itself; else the keyboard could push the head of the page out of sight."""
    with watched(chromium, width=1440, height=560) as seen:
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        seen.page.evaluate("scrollTo(0, 500)")

        assert seen.page.evaluate("[scrollY, document.documentElement.scrollHeight]") == [0, 560]


def test_tiles_are_walked_and_closed_by_keys(chromium, room):
    """N and p go from picture to picture, Enter enlarges, x closes."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        page.keyboard.press("n")
        page.keyboard.press("n")
        assert page.evaluate("document.activeElement.querySelector('.key').textContent") == "2"
        page.keyboard.press("Enter")
        assert page.locator(".tile.is-large .key").inner_text() == "2"
        page.keyboard.press("p")
        page.keyboard.press("x")
        assert page.locator(".tile").count() == 1


def test_a_limit_is_told_as_it_is(chromium, room):
    """A site that can show no more says so on the tile; it is no answer of an owner."""
    full = {"status": 429, "detail": "This site can show no more pictures now."}
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.route("**/live-sessions/several", lambda route: route.fulfill(json=[full, {"status": 403}]))
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        said = seen.page.locator("lens-player .player-state").all_inner_texts()
        assert said == ["This site can show no more pictures now", "Not available for this purpose"]


OFFLINE = {"status": 503, "detail": "The camera is offline."}
STARTING = {"status": 503, "detail": "Live pictures are starting again. Try in a few seconds."}


@pytest.mark.parametrize(
    ("answers", "said", "states"),
    [
        (
            [OFFLINE, {"status": 403, "detail": "Not available for this purpose."}],
            ["The camera is offline", "Not available for this purpose"],
            ["offline", "rules"],
        ),
        (
            [STARTING, {"status": 500, "detail": "Nothing was changed."}],
            ["Live pictures are starting again. Try in a few seconds.", "The picture cannot start"],
            ["cannot-start", "cannot-start"],
        ),
    ],
)
def test_a_technical_cause_is_told_and_a_no_is_only_a_no(chromium, room, answers, said, states):
    """Of a permitted camera the tile says what the gateway says; an accident has no words of its own."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.route("**/live-sessions/several", lambda route: route.fulfill(json=answers))
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        assert seen.page.locator("lens-player .player-state").all_inner_texts() == said
        found = seen.page.locator("lens-player").evaluate_all("(all) => all.map((one) => one.dataset.state)")
        assert found == states
        demand_sound(seen)


def test_a_question_that_is_refused_as_a_whole_says_why(chromium, room):
    """Where the gateway can write nothing it says so for all pictures at once, as problem+json."""
    with watched(chromium, width=1600, height=900) as seen:
        problem = {"status": 503, "content_type": "application/problem+json"}
        body = '{"status": 503, "detail": "The database is busy. Try again in a moment."}'
        seen.page.route("**/live-sessions/several", lambda route: route.fulfill(**problem, body=body))
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        said = seen.page.locator("lens-player .player-state").all_inner_texts()
        assert said == ["The database is busy. Try again in a moment."] * 2


def test_a_call_that_the_relay_refuses_says_why(chromium, room):
    """A full relay is a technical cause; that a ticket opens nothing is none, and has the usual words."""
    posts: list[int] = []
    left: list[str] = []
    answers = [
        (503, '{"status": 503, "detail": "The relay is full. Try again in a moment."}'),
        (409, '{"status": 409, "detail": "This view has ended, or is open already. Start a new one."}'),
    ]

    def refuse(route: Route) -> None:
        status, body = answers[int(route.request.url[-1])]
        route.fulfill(status=status, content_type="application/problem+json", body=body)

    with watched(chromium, width=1600, height=900) as seen:
        seen.page.route("**/live-sessions/several", lambda route: open_all(route, posts))
        seen.page.route("**/live-sessions/ses_*", lambda route: tell_running(route, left))
        seen.page.route("**/whep/*", refuse)
        seen.page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        said = seen.page.locator("lens-player .player-state").all_inner_texts()
        assert said == ["The relay is full. Try again in a moment.", "The picture cannot start"]
        until_true(seen, lambda: left.count("DELETE") == 2)


def test_how_far_a_picture_is_behind_stands_on_its_tile(chromium, room):
    """As measured, while it runs: live or catching up; not while it connects, and not once it is over."""
    with watched(chromium, width=1600, height=900) as seen:
        two_pictures(seen, room.open())
        for state, milliseconds, shown in (
            ("live", 42, "42 ms"),
            ("catching-up", 917, "917 ms"),
            ("connecting", 917, ""),
            ("live", 8, "8 ms"),
            ("lost", 8, ""),
        ):
            seen.page.evaluate(_MEASURED, [state, milliseconds])
            until_true(seen, lambda shown=shown: _delay_of_first(seen) == shown)


def _delay_of_first(seen: Watched) -> str:
    delay = seen.page.locator(".tile .delay").first
    return delay.inner_text() if delay.is_visible() else ""


_MEASURED = """([state, milliseconds]) => {
  const player = document.querySelector("lens-player");
  Object.defineProperty(player, "state", { value: state, configurable: true });
  player.dispatchEvent(new CustomEvent("lens-delay", { bubbles: true, detail: { milliseconds } }));
}"""


def test_a_picture_out_of_sight_is_closed_and_asked_for_again(chromium, room):
    """Scrolled away, its view is left; scrolled back, it is a new question, decided and logged like any other."""
    posts: list[int] = []
    left: list[str] = []
    with watched(chromium, width=390, height=700) as seen:
        seen.page.route("**/live-sessions/several", lambda route: open_all(route, posts))
        seen.page.route("**/live-sessions/ses_*", lambda route: tell_running(route, left))
        seen.page.route("**/whep/*", lambda route: None)
        seen.page.goto(room.open())
        until_true(seen, lambda: posts)
        seen.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        until_true(seen, lambda: "DELETE" in left)
        assert "Stopped while out of sight" in seen.page.inner_text("#wall")
        seen.page.evaluate("scrollTo(0, 0)")
        until_true(seen, lambda: len(posts) > 1)


def test_the_watermark_lies_over_the_picture_in_full_screen_too(chromium, room):
    """Name and code are drawn inside the player, which is what fills the screen; without a code nothing is drawn."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        says = page.locator(".watermark").evaluate_all("(all) => all.map((one) => one.dataset.says)")
        assert says == ["Sam Ortiz · ABCD-EFG0", ""]
        until_true(seen, lambda: page.locator(".watermark").evaluate_all(_INK)[0] > 200)
        assert page.locator(".watermark").evaluate_all(_INK)[1] == 0
        page.keyboard.press("n")
        page.keyboard.press("f")
        seen.until("document.fullscreenElement !== null")
        assert page.evaluate("document.fullscreenElement.querySelector('.watermark').dataset.says") == says[0]
        demand_sound(seen)


_INK = """(all) => all.map((one) => {
  if (!one.width || !one.height) return 0;
  const data = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
})"""


def test_only_the_end_of_a_view_is_read(chromium, room):
    """A start is not asked about; an end is, once, also when it is news before the page knows the view's name."""
    held: list[Route] = []
    read: list[str] = []
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.route("**/api/v1/live-sessions/several", lambda route: held.append(route))  # noqa: PLW0108 -- no builtin can be bound
        seen.page.route("**/api/v1/live-sessions/ses_*", lambda route: tell_end(route, read))
        seen.page.route("**/whep/*", lambda route: None)  # never answered
        seen.page.goto(room.open())
        until_ready(seen)
        until_true(seen, lambda: held)
        hear_all(seen, room)  # before that it may have missed something, and would ask
        held[0].fulfill(json=[{"status": 403}, {"status": 403}])
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        for name in ("Front door", "Yard"):
            seen.page.locator(f'[data-name="{name}"] .watch').click()
        until_true(seen, lambda: len(held) == 3)
        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_early")
        hear_all(seen, room)
        for route, name in zip(held[1:], ("ses_early", "ses_later"), strict=True):
            view = {**VIEW, "session_id": name, "whep_url": f"/whep/{name}", "ticket": "t"}
            route.fulfill(json=[{"status": 201, "view": view}])
        until_true(seen, lambda: read)
        hear_all(seen, room)
        assert read == ["ses_early"]

        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_later")
        until_true(seen, lambda: len(read) == 2)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        assert read == ["ses_early", "ses_later"]
        assert seen.page.inner_text("#wall").count("Stopped by a supervisor") == 2
