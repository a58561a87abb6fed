"""Links to phones over HTTP: what a phone and a sender are answered, and what nobody is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from gateway.edge.auth import enforce
from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.edge.requires import needs_of
from gateway.kernel.database import Database
from gateway.kernel.principal import ANONYMOUS, Principal, Role
from gateway.live.calls import Calls
from gateway.live.phones.answers import EXPIRED, NOTHING, OTHER_DEVICE
from gateway.live.phones.routes import (
    A_MINUTE,
    COOKIE,
    OPENINGS_A_MINUTE,
    PHONE_ROUTES,
    REPORTS_A_MINUTE,
    VIEWS_A_MINUTE,
)
from gateway.live.relay import protocol
from gateway.web import Assets, template_config
from tests.gateway.live.test_live_api import FakeRelayCalls
from tests.support.live import BROWSER, GATEWAY, OPERATOR, OTHER, Plane, limiter_of, live_plane
from tests.support.pages import Caller

pytestmark = pytest.mark.anyio
LINKS = "/api/v1/phone-links"
VIEW = {"dtls_fingerprint": BROWSER}


@dataclass
class Street:
    """A gateway, and clients that each keep cookies of their own."""

    plane: Plane
    app: Litestar
    caller: Caller = field(default_factory=lambda: Caller(OPERATOR))

    @asynccontextmanager
    async def device(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=GATEWAY, headers=headers) as http:
            yield http

    async def sent(self, http: httpx.AsyncClient, recipient: str = "Unit 12") -> dict[str, Any]:
        """The operator watches, and sends a link to it."""
        opened = await self.plane.open()
        await self.plane.in_state(opened.session_id, "accepted")
        up = protocol.ViewerUp(session=opened.session_id, srtp_profile="AEAD_AES_128_GCM")
        await self.plane.sessions.upkeep.relay_said(up)
        answer = await http.post(LINKS, json={"session_id": opened.session_id, "recipient": recipient})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
async def street(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Street]:
    """The routes, guarded as the gateway guards them."""
    async with live_plane(sqlite_database, tmp_path) as plane:
        caller = Caller(OPERATOR)
        limiter = limiter_of(plane)
        app = Litestar(
            [*PHONE_ROUTES],
            guards=[enforce],
            dependencies={
                "phones": Provide(lambda: plane.sessions.phones, sync_to_thread=False),
                "origin": Provide(lambda: PublicOrigin.parse(GATEWAY), sync_to_thread=False),
                "rate_limiter": Provide(lambda: limiter, sync_to_thread=False),
                "live_calls": Provide(lambda: Calls(relay=FakeRelayCalls()), sync_to_thread=False),
                "principal": Provide(lambda: caller.principal, sync_to_thread=False),
            },
            middleware=[caller.middleware],
            plugins=[StrictInputPlugin()],
            template_config=template_config(Assets.load()),
            exception_handlers=ProblemHandler().handlers(),
            openapi_config=None,
        )
        yield Street(plane, app, caller)


def token_of(made: dict[str, Any]) -> str:
    """What stands behind the #."""
    return str(made["url"]).partition("#")[2]


@pytest.mark.parametrize("role", [Role.COMPLIANCE, Role.FIRE, Role.ADMIN, Role.OWNER])
async def test_nobody_else_sends_lists_or_stops(street: Street, role: Role):
    """403 for every role that does not watch by itself."""
    street.caller.principal = Principal(kind=OPERATOR.kind, person_id=OPERATOR.person_id, roles=frozenset({role}))
    async with street.device() as http:
        wish = {"session_id": "ses_1", "recipient": "Unit 12"}
        assert (await http.post(LINKS, json=wish)).status_code == 403
        assert (await http.get(LINKS)).status_code == 403
        assert (await http.post(f"{LINKS}/phl_1/stop")).status_code == 403


def test_no_route_of_a_phone_reads_who_is_signed_in():
    """A console's cookie on the same device opens nothing here, and nothing here rides on it."""
    phone = [route for route in PHONE_ROUTES if any(path.startswith("/phone") for path in route.paths)]
    assert len(phone) == 5
    assert not any(needs_of(route.opt).reads_cookies for route in phone)


async def test_a_prefetch_opens_nothing(street: Street):
    """However often the page is read, by whomever, the link is there for the first press; the page knows no secret."""
    async with street.device() as sender, street.device() as scanner, street.device() as phone:
        made = await street.sent(sender)
        for _ in range(3):
            page = await scanner.get("/phone")
            assert page.status_code == 200
            assert (await scanner.head("/phone")).status_code in {200, 405}
            assert (await scanner.get("/phone/open")).status_code == 405
        assert token_of(made) not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert not scanner.cookies
        street.caller.principal = ANONYMOUS

        assert (await phone.post("/phone/open", json={"token": token_of(made)})).status_code == 200


async def test_a_link_is_told_once_and_its_secret_stands_in_no_address(street: Street):
    """Address and code come with the making alone; behind the #, which no browser sends."""
    async with street.device() as http:
        made = await street.sent(http)
        assert made["url"].startswith(f"{GATEWAY}/phone#")
        assert made["qr"].startswith("data:image/svg+xml")
        (listed,) = (await http.get(LINKS)).json()
        assert token_of(made) not in str(listed)
        assert (listed["recipient"], listed["standing"], listed["words"]) == ("Unit 12", "waiting", "")


async def test_a_phone_opens_reads_and_is_told_the_end(street: Street):
    """Press, picture, seconds; the sender reads that it is watched, stops it, and the phone is told in one sentence."""
    async with street.device() as sender, street.device() as phone:
        made = await street.sent(sender)
        opened = await phone.post("/phone/open", json={"token": token_of(made)})
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        facts = opened.json()
        assert (facts["camera"], facts["sender"], facts["recipient"]) == ("Front door", "Sam Ortiz", "Unit 12")
        assert facts["left_s"] == 900

        view = await phone.post("/phone/view", json=VIEW)
        assert view.status_code == 200, view.text
        assert set(view.json()) == {"whep_url", "ticket", "mark", "left_s", "ice_servers"}
        street.plane.clock.advance(5)
        assert (await phone.post("/phone/seen", json={"on_screen_s": 3})).status_code == 204
        assert (await phone.get("/phone/state")).json()["is_shown"]
        (listed,) = (await sender.get(LINKS)).json()
        assert (listed["standing"], listed["is_shown"]) == ("opened", True)

        assert (await sender.post(f"{LINKS}/{made['id']}/stop")).status_code == 204
        refused = await phone.post("/phone/view", json=VIEW)
        assert (refused.status_code, refused.json()["detail"]) == (409, "Whoever sent this has ended it.")
        assert (await phone.get("/phone/state")).json()["words"] == "Whoever sent this has ended it."


async def test_a_second_device_reads_one_sentence(street: Street):
    """403; the first device may use its link again, and the second device's own cookie of another link helps nobody."""
    async with street.device() as sender, street.device() as first, street.device() as second:
        made, other = await street.sent(sender), await street.sent(sender, "Unit 13")
        token = {"token": token_of(made)}
        assert (await first.post("/phone/open", json=token)).status_code == 200
        assert (await second.post("/phone/open", json={"token": token_of(other)})).status_code == 200

        refused = await second.post("/phone/open", json=token)

        assert (refused.status_code, refused.json()["detail"]) == (403, OTHER_DEVICE)
        assert (await first.post("/phone/open", json=token)).status_code == 200


@pytest.mark.parametrize("token", ["x", "0" * 26 + "." + "x" * 43, "💥", "a" * 200])
async def test_a_wrong_token_opens_nothing(street: Street, token: str):
    """404 and the same sentence, whatever is wrong with it; without a cookie there is no state and no view."""
    async with street.device() as phone:
        refused = await phone.post("/phone/open", json={"token": token})
        assert (refused.status_code, refused.json()["detail"]) == (404, NOTHING)
        assert (await phone.get("/phone/state")).status_code == 404
        assert (await phone.post("/phone/view", json=VIEW)).status_code == 404
        assert (await phone.post("/phone/seen", json={"on_screen_s": 1})).status_code == 404


async def test_an_expired_link_says_so(street: Street):
    """409 after ten minutes."""
    async with street.device() as sender, street.device() as phone:
        made = await street.sent(sender)
        street.plane.clock.advance(601)
        refused = await phone.post("/phone/open", json={"token": token_of(made)})
        assert (refused.status_code, refused.json()["detail"]) == (409, EXPIRED)


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
async def test_no_other_site_makes_a_phone_ask(street: Street, headers: dict[str, str]):
    """403 at each door that changes something; the link is not opened by it."""
    async with street.device() as sender, street.device(**headers) as evil, street.device() as phone:
        made = await street.sent(sender)
        for path, body in (
            ("open", {"token": token_of(made)}),
            ("view", VIEW),
            ("seen", {"on_screen_s": 1}),
        ):
            assert (await evil.post(f"/phone/{path}", json=body)).status_code == 403
        assert (await phone.post("/phone/open", json={"token": token_of(made)})).status_code == 200


async def test_another_s_link_is_not_listed_and_not_stopped(street: Street):
    """404, and the list is empty."""
    async with street.device() as http:
        made = await street.sent(http)
        street.caller.principal = OTHER
        assert (await http.get(LINKS)).json() == []
        assert (await http.post(f"{LINKS}/{made['id']}/stop")).status_code == 404


async def test_tries_are_counted(street: Street):
    """429 for whoever guesses, and for whoever makes links without end."""
    async with street.device() as http:
        tries = [await http.post("/phone/open", json={"token": "x"}) for _ in range(OPENINGS_A_MINUTE + 1)]
        assert [each.status_code for each in tries[-2:]] == [404, 429]
        wish = {"session_id": "ses_1", "recipient": "Unit 12"}
        made = [await http.post(LINKS, json=wish) for _ in range(A_MINUTE + 1)]
        assert [each.status_code for each in made[-2:]] == [404, 429]


async def test_a_stranger_uses_up_nothing_of_a_phone_s(street: Street):
    """Who knows which link it is, and not its device's secret, is answered 404, and counted nowhere."""
    async with street.device() as sender, street.device() as phone, street.device() as stranger:
        made = await street.sent(sender)
        assert (await phone.post("/phone/open", json={"token": token_of(made)})).status_code == 200
        name = PublicOrigin.parse(GATEWAY).cookie_name(COOKIE)
        stranger.cookies.set(name, f"{made['id'].removeprefix('phl_')}.{'x' * 43}")
        for _ in range(max(VIEWS_A_MINUTE, REPORTS_A_MINUTE) + 1):
            assert (await stranger.post("/phone/view", json=VIEW)).status_code == 404
            assert (await stranger.post("/phone/seen", json={"on_screen_s": 1})).status_code == 404

        assert (await phone.post("/phone/view", json=VIEW)).status_code == 200
        assert (await phone.post("/phone/seen", json={"on_screen_s": 1})).status_code == 204


async def test_what_a_phone_reports_is_counted(street: Street):
    """429 for one that writes without end."""
    async with street.device() as sender, street.device() as phone:
        made = await street.sent(sender)
        assert (await phone.post("/phone/open", json={"token": token_of(made)})).status_code == 200
        assert (await phone.post("/phone/view", json=VIEW)).status_code == 200
        said = [await phone.post("/phone/seen", json={"on_screen_s": 1}) for _ in range(REPORTS_A_MINUTE + 1)]
        assert [each.status_code for each in said[-2:]] == [204, 429]
