"""The owner's page on this machine: what is in force, who looks, what waits; approve, say no, pause, resume.

Checks of every request, numbered so below: 1 Host is this page's own loopback name and port; 2 a POST comes from this
very origin; 3 no answer may be framed, cached, or read by another origin. What gives also needs the site PIN and a code
that only this agent's terminal shows, for that one act (two minutes, three tries). An input (panic button) carries the
secret header instead and no Origin.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Final

from partner_agent import local_areas, local_view
from partner_agent.language import _, asked_for, speaking
from partner_agent.local_http import Request, Response
from partner_agent.pin import PinError
from partner_agent.settings import Secret
from partner_agent.site import ActError, Site
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

CODE_S: Final = 120.0
CODE_TRIES: Final = 3
_CODE_DIGITS: Final = 6
INPUT_HEADER: Final = "x-lenspact-input"

ALWAYS: Final[Mapping[str, str]] = {  # 3
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # under no-referrer a browser says "Origin: null" when it posts our own form
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
GIVES: Final = frozenset({"approve", "clip", "clip_unmasked", "view", "resume", "clear", "area"})
TAKES: Final = frozenset({"decline", "clip_no", "view_no", "pause", "area_remove"})


@dataclass(slots=True)
class _Code:
    """A code shown in the terminal, for one act on one subject."""

    act: str
    subject: str
    digits: str
    until: float
    tries: int = CODE_TRIES


class LocalPage:
    """Answers the requests of the loopback page."""

    def __init__(
        self, *, site: Site, clock: Clock, ids: IdSource, input_secret: Secret, show: Callable[[str], None]
    ) -> None:
        self._site, self._clock, self._ids = site, clock, ids
        self._input_secret, self._show = input_secret, show
        self._code: _Code | None = None
        self._hosts: frozenset[str] = frozenset()
        self._style = resources.files("partner_agent").joinpath("local_page.css").read_text(encoding="utf-8")

    def bind(self, port: int) -> None:
        """Learn the port, and with it the only names this page answers to."""
        self._hosts = frozenset({f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"})

    async def handle(self, request: Request) -> Response:
        """Answer one request, in the language its browser asks for."""
        with speaking(asked_for(request.headers.get("accept-language", ""))):
            return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        host = request.headers.get("host", "")
        if host not in self._hosts:  # 1
            return _plain(HTTPStatus.MISDIRECTED_REQUEST, "This page has another name.")
        if request.method == "POST" and request.path.startswith("/input/"):
            return self._input(request)
        if request.method == "POST" and not _is_own(request, host):  # 2
            return _plain(HTTPStatus.FORBIDDEN, "This did not come from this page.")
        routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/"): self._home,
            ("GET", "/style.css"): self._css,
            ("POST", "/begin"): self._begin,
            ("POST", "/act"): self._act,
        }
        route = routes.get((request.method, request.path))
        return await route(request) if route else _plain(HTTPStatus.NOT_FOUND, "There is nothing here.")

    async def _home(self, request: Request) -> Response:
        del request
        return Response(HTTPStatus.OK, local_view.home(self._site.view(), self._clock.now()))

    async def _css(self, request: Request) -> Response:
        del request
        return Response(HTTPStatus.OK, self._style, "text/css; charset=utf-8")

    async def _begin(self, request: Request) -> Response:
        """What takes is done at once; what gives shows a code in the terminal and asks for it with the PIN."""
        act, subject = request.form.get("act", ""), request.form.get("subject", "")
        if act in TAKES:
            return self._done(act, subject, "")
        if act not in GIVES:
            return _plain(HTTPStatus.BAD_REQUEST, "There is no such act.")
        if act == "area":
            subject = local_areas.subject_of(request.form)
        digits = str(int.from_bytes(self._ids.secret(8)) % 10**_CODE_DIGITS).zfill(_CODE_DIGITS)
        self._code = _Code(act, subject, digits, self._clock.monotonic() + CODE_S)
        self._show(f"Code to {local_view.ACTS[act]} on the local page: {digits} (two minutes, this one act)")
        return Response(HTTPStatus.OK, local_view.confirm(self._site.view(), act, subject, ""))

    async def _act(self, request: Request) -> Response:
        act, subject = request.form.get("act", ""), request.form.get("subject", "")
        problem = self._code_problem(act, subject, request.form.get("code", ""))
        if problem:
            return Response(HTTPStatus.FORBIDDEN, local_view.confirm(self._site.view(), act, subject, problem))
        return self._done(act, subject, request.form.get("pin", ""))

    def _code_problem(self, act: str, subject: str, digits: str) -> str:
        code = self._code
        if act not in GIVES or code is None or (code.act, code.subject) != (act, subject):
            return "Begin again: no code was shown for this."
        if self._clock.monotonic() > code.until or code.tries < 1:
            self._code = None
            return "That code is over. Begin again."
        code.tries -= 1
        if not hmac.compare_digest(code.digits.encode(), digits.strip().encode()):
            return "That is not the code in the terminal."
        return ""

    def _done(self, act: str, subject: str, pin: str) -> Response:
        try:
            self._do(act, subject, pin)
        except (ActError, PinError) as error:
            page = local_view.confirm(self._site.view(), act, subject, str(error))
            return Response(HTTPStatus.FORBIDDEN, page)
        self._code = None
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": "/"})

    def _do(self, act: str, subject: str, pin: str) -> None:
        site = self._site
        acts: dict[str, Callable[[], None]] = {
            "approve": lambda: site.approve(subject, pin),
            "clip": lambda: site.approve_clip(subject, pin, is_unmasked=False),
            "clip_unmasked": lambda: site.approve_clip(subject, pin, is_unmasked=True),
            "resume": lambda: site.resume(pin, subject or None),
            "clear": lambda: site.clear(subject, pin),
            "decline": lambda: site.decline(subject),
            "clip_no": lambda: site.decline_clip(subject),
            "view": lambda: site.approve_view(subject, pin),
            "view_no": lambda: site.decline_view(subject),
            "pause": lambda: site.pause(subject or None),
            "area": lambda: site.draw(*local_areas.read(subject), pin),
            "area_remove": lambda: site.remove_area(*local_areas.named(subject)),
        }
        if act not in acts:
            raise ActError("There is no such act.")
        acts[act]()

    def _input(self, request: Request) -> Response:
        """A button or alarm panel on the premises: the secret header, and never a browser."""
        secret = self._input_secret.reveal()
        given = request.headers.get(INPUT_HEADER, "")
        if not secret or "origin" in request.headers or not hmac.compare_digest(secret.encode(), given.encode()):
            return _plain(HTTPStatus.FORBIDDEN, "No.")
        match request.path:
            case "/input/panic":
                self._site.panic(is_on=True)
            case "/input/panic-over":
                self._site.panic(is_on=False)
            case "/input/pause":
                self._site.pause()
            case _:
                return _plain(HTTPStatus.NOT_FOUND, "There is no such input.")
        return _plain(HTTPStatus.OK, "Done.")


def _is_own(request: Request, host: str) -> bool:
    """2. A browser always names the origin of a POST (Fetch §3.1); what it says must be this page, letter by letter."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.get("origin") == f"http://{host}" and site == "same-origin"


def _plain(status: HTTPStatus, text: str) -> Response:
    return Response(status, _(text) + "\n", "text/plain; charset=utf-8")
