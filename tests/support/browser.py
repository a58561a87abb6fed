"""Debian's Chromium, headless, and a server on a free loopback port, for tests of real pages.

A database's connections belong to the event loop that made them, so whatever a test does to the served application's
database runs in the server's own loop: the `portal`.

In CI a missing browser is a failure; elsewhere the test is skipped with the line that installs it. Under our CSP
Playwright's string predicates and injected scripts do not run, so tests poll with `evaluate` and axe comes from a
test-only address.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from anyio.from_thread import BlockingPortal
from litestar import Litestar
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import outside

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', e => window.__violations.push(
  e.violatedDirective + ' ' + e.blockedURI + ' ' + (e.sourceFile || '') + ':' + e.lineNumber + ' ' + e.sample));
"""


def chromium_path() -> str:
    """Where Chromium is; skips, or in CI fails, when it is not."""
    return outside.need("chromium", package="chromium")


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    path = chromium_path()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def served(app: Litestar, portal: BlockingPortal) -> Iterator[str]:
    """The application on a loopback port of its own, in the portal's loop; yields its origin.

    The port listens before the server starts, so that the first request waits instead of being refused.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2))
    serving = portal.start_task_soon(server.serve, [listener])
    try:
        yield f"http://localhost:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        serving.result(10)


@dataclass
class Watched:
    """A page whose console errors, script errors and policy violations are collected."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def note(self, kind: str, text: str) -> None:
        """Keep an error of the console; what the policy stopped is in `violations`, with its source."""
        if kind == "error" and "Content Security Policy" not in text:
            self.errors.append(f"console: {text}")

    def violations(self) -> list[str]:
        """What the content security policy stopped; axe's own style element, which is not ours, left out."""
        found: list[str] = self.page.evaluate("window.__violations")
        return [line for line in found if "/test/axe.js" not in line]

    def axe(self) -> list[str]:
        """The accessibility findings of axe, one line each, once the page is all there."""
        self.page.wait_for_load_state()
        self.page.evaluate(
            """() => window.axe ? null : new Promise((done, failed) => {
                const s = document.createElement('script');
                s.src = trustedTypes.createPolicy('axe', {createScriptURL: u => u}).createScriptURL('/test/axe.js');
                s.onload = () => done(null); s.onerror = failed; document.head.append(s); })"""
        )
        findings: list[str] = self.page.evaluate(
            """tags => axe.run(document, {runOnly: tags}).then(r => r.violations.map(v => v.id + ': ' + v.help + ' at '
                 + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')))""",
            AXE_TAGS,
        )
        return findings

    def until(self, expression: str, *, timeout_s: float = 10) -> Any:
        """Evaluate `expression` until it is true; return it."""
        for _ in range(round(timeout_s / 0.05)):
            if found := self.page.evaluate(expression):
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {expression}; {self.errors} {self.violations()}")


@contextmanager
def watched(chromium: Browser, *, width: int = 1280, height: int = 800, dark: bool = False) -> Iterator[Watched]:
    """A fresh page of a fresh browser context."""
    scheme = "dark" if dark else "light"
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.add_init_script(WATCH)
    result = Watched(page)
    page.on("pageerror", lambda error: result.errors.append(f"script: {error}"))
    page.on("console", lambda m: result.note(m.type, m.text))
    try:
        yield result
    finally:
        context.close()
