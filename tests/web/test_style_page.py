"""The style page in a real browser: no violation, no finding, usable on a phone, by keyboard and without script."""

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal

from tests.support.browser import served, watched
from tests.support.pages import web_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def origin(portal: BlockingPortal) -> Iterator[str]:
    """The style page on a port of its own."""
    with served(web_app(), portal) as origin:
        yield origin


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_piece_is_accessible_and_within_the_policy(chromium, origin, dark):
    """Axe finds nothing and the policy stops nothing, with and without an open dialog, in both themes."""
    with watched(chromium, dark=dark) as seen:
        seen.page.goto(origin + "/style")
        assert seen.errors == []
        assert seen.axe() == []
        seen.page.click("[data-opens]")
        assert seen.axe() == []
        assert seen.violations() == []


def test_a_phone_at_four_hundred_percent_never_scrolls_sideways(chromium, origin):
    """320 CSS pixels, which is 1,280 at 400 % zoom, show everything in one column."""
    with watched(chromium, width=320, height=800) as seen:
        seen.page.goto(origin + "/style")

        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_keyboard_starts_at_the_skip_link_and_the_focus_is_seen(chromium, origin):
    """The error summary has the focus first; from the top, Tab goes to the skip link, which jumps to the content."""
    with watched(chromium) as seen:
        seen.page.goto(origin + "/style")
        assert seen.until("document.activeElement.getAttribute('role') === 'alert'")
        seen.page.evaluate("document.activeElement.blur(); scrollTo(0, 0); document.querySelector('.skip').focus()")
        assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        seen.page.keyboard.press("Enter")

        assert seen.page.evaluate("document.activeElement.id") == "main"


def test_what_is_pressed_is_at_least_24_pixels_high(chromium, origin):
    """WCAG 2.2 target size, on every visible button, link in the navigation and input."""
    with watched(chromium) as seen:
        seen.page.goto(origin + "/style")
        small = seen.page.evaluate(
            """[...document.querySelectorAll('button, .button, nav a, select, textarea, input, .choice')]
               .filter(e => e.offsetParent && !e.closest('.choice') && e.getBoundingClientRect().height < 24)
               .map(e => e.outerHTML)"""
        )

        assert small == []


def test_text_of_the_server_that_would_run_is_refused(chromium, origin):
    """The page's Trusted Types policy lets htmx swap plain markup and nothing that carries script."""
    with watched(chromium) as seen:
        seen.page.goto(origin + "/style")
        tried = seen.page.evaluate(
            """['<p>fine</p>', '<img src=x onerror=alert(1)>', '<a href="javascript:alert(1)">x</a>',
                '<template><script src="https://evil.test/x.js"></script></template>', '<iframe></iframe>',
                '<svg><script href="data:,alert(1)"></script></svg>'].map(t => {
                 const d = document.createElement('div');
                 try { d.innerHTML = t; return true } catch { return false } })"""
        )

        assert tried == [True, False, False, False, False, False]
        assert seen.page.evaluate("typeof htmx") == "object"


def test_motion_stops_when_asked(chromium, origin):
    """Reduced motion leaves no transition."""
    with watched(chromium) as seen:
        seen.page.emulate_media(reduced_motion="reduce")
        seen.page.goto(origin + "/style")

        assert seen.page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") in {
            "0s",
            "0s, 0s",
        }
