"""An owner approves from the portal by one touch: browser, gateway, link and a real agent, which alone decides."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Browser

from gateway.audit import Query
from gateway.cameras import Camera, CameraFacts
from gateway.kernel.database import Database
from gateway.partners import Place
from policies.clauses import Live, Preset, of_preset
from tests.e2e.test_passkeys import add, clean, sign_in
from tests.support.agent_process import PIN, AgentProcess
from tests.support.authenticators import authenticator
from tests.support.browser import Watched, watched
from tests.support.site_server import SiteServer, site_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass
class Shop:
    """A gateway, a paired agent that runs, one camera, and a thread's way into their loop."""

    server: SiteServer
    agent: AgentProcess
    portal: BlockingPortal
    camera: Camera

    @property
    def page(self) -> str:
        """The sharing page of the site."""
        return f"{self.server.url}/portal/sites/{self.server.site.id}/sharing"

    def share(self, live: Live, *, made_from: int) -> None:
        """The owner answers for the camera."""
        clause = of_preset(Preset.EMERGENCIES, frozenset({self.camera.id}), is_home=False)

        async def save() -> None:
            clauses = [dataclasses.replace(clause, live=live)]
            await self.server.services.sharing.save(
                self.server.owner, self.server.site.id, clauses, made_from=made_from
            )

        self.portal.call(save)

    def waiting(self) -> dict[str, Any]:
        """The one proposal that waits on site, once it does."""

        async def found() -> dict[str, Any]:
            async def is_there() -> bool:
                return len((await self.agent.ask(do="status"))["proposals"]) == 1

            await self.server.until(is_there)
            return (await self.agent.ask(do="status"))["proposals"][0]

        return self.portal.call(found)

    def approve_on_site(self, sha256: str) -> None:
        """Type the PIN on the agent's machine, and wait until the gateway heard of it."""

        async def approved() -> None:
            assert (await self.agent.ask(do="approve", subject=sha256, pin=PIN))["ok"] is True

            async def is_heard() -> bool:
                return (await self.acked())[1] == sha256

            await self.server.until(is_heard)

        self.portal.call(approved)

    async def acked(self) -> tuple[int, str]:
        """The document in force, as the site signed it."""
        agent = await self.server.sites.agents.agent_of(self.server.site.id)
        return agent.acked_seq, agent.acked_sha256

    async def kinds(self) -> list[str]:
        """What is in the log."""
        return [entry.kind for entry in (await self.server.services.audit.find(Query(), limit=200)).entries]

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait in the server's loop."""
        self.portal.call(self.server.until, holds)


@pytest.fixture(params=[3600, 0], ids=["held", "at once"])
def shop(
    request: pytest.FixtureRequest, portal: BlockingPortal, served_database: Database, tmp_path: Path
) -> Iterator[tuple[Shop, int]]:
    """Paired and running, with the site's own hold: an hour, or none."""
    with portal.wrap_async_context_manager(site_server(served_database, tmp_path, host="localhost")) as server:
        agent = AgentProcess(tmp_path / "agent", server.url, ("door",))
        text = agent.config.read_text()
        agent.config.write_text(f"hold_s = {request.param}\n{text}")

        async def pair() -> None:
            await server.until_key_set()
            async with agent.enrolling() as (code, finish):
                await server.approve(code)
                await finish()

        portal.call(pair)
        with portal.wrap_async_context_manager(agent.running()):
            yield Shop(server, agent, portal, portal.call(_tick, server)), request.param


async def _tick(server: SiteServer) -> Camera:
    async def view() -> Any:
        return await server.sites.agents.view(server.site.organisation_id, server.site.id)

    async def is_told() -> bool:
        return bool((await view()).cameras)

    await server.until(is_told)
    facts = CameraFacts("Front door", Place(41.88, -87.63), None, is_public_facing=True, purpose="The entrance")
    camera = await server.services.cameras.add(server.owner, server.site, facts)
    await server.sites.agents.tick(server.owner, server.site.id, {(await view()).cameras[0].local_id: camera.id})
    return camera


def pin(place: Shop, seen: Watched, folder: Path) -> None:
    """Something is shared, and the owner's first passkey is approved: both on site."""
    sign_in(place.server, seen, place.portal, folder / "state" / "spool")
    place.share(Live.NEARBY, made_from=0)
    place.approve_on_site(place.waiting()["sha256"])
    add(seen, "My phone")
    seen.page.wait_for_url("**?done=passkey-added")
    seen.page.click("text=Let it approve at Corner shop")
    seen.page.wait_for_url("**?done=passkey-asked")
    assert "The first one is approved there." in seen.page.inner_text("article")
    seen.page.goto(place.page)
    assert seen.page.locator("text=Approve with my passkey").count() == 0
    waiting = place.waiting()
    assert [sentence for _, sentence in waiting["changes"]] == ["Who may approve changes is changed."]
    place.approve_on_site(waiting["sha256"])


def touch(seen: Watched) -> None:
    """Press the button; the passkey is touched by itself."""
    seen.page.click("text=Approve with my passkey")
    seen.page.wait_for_load_state()


def test_sharing_more_by_one_touch(chromium: Browser, shop: tuple[Shop, int], tmp_path: Path):
    """The first passkey is approved on site; from then on a touch is enough, and the site's own hold is said."""
    place, hold_s = shop
    with watched(chromium) as seen, authenticator(seen.page) as device:
        pin(place, seen, tmp_path)
        place.share(Live.ALWAYS, made_from=2)
        asked = place.waiting()["sha256"]
        seen.page.goto(place.page)
        clean(seen)
        touch(seen)
        seen.page.wait_for_url("**/sharing?done=touch-*")
        assert [each["signCount"] for each in device.credentials] == [2]
        if hold_s:
            said = seen.page.inner_text("main")
            assert "Approved. Your site shares more in 60 minutes unless you say no there." in said
            assert place.portal.call(place.acked)[1] != asked
        else:

            async def is_in_force() -> bool:
                return (await place.acked())[1] == asked

            place.until(is_in_force)
            seen.page.goto(place.page)
            assert "Your site has confirmed this." in seen.page.inner_text("main")
        clean(seen)
        kinds = place.portal.call(place.kinds)
        assert kinds.count("policy.approved") == 1


@pytest.mark.parametrize("shop", [3600], indirect=True)
def test_a_touch_that_the_site_does_not_take_changes_nothing(chromium: Browser, shop: tuple[Shop, int], tmp_path: Path):
    """A touch for something else is carried there and refused; the proposal waits on, and the next touch is taken."""
    place, _ = shop
    with watched(chromium) as seen, authenticator(seen.page):
        pin(place, seen, tmp_path)
        place.share(Live.ALWAYS, made_from=2)
        asked = place.waiting()["sha256"]
        seen.page.goto(place.page)
        seen.page.evaluate("document.querySelector('[data-challenge]').dataset.challenge = 'AAAA'")
        touch(seen)
        seen.page.wait_for_selector("main [role=alert]:has-text('Not approved.')")

        assert "did not take this passkey" in seen.page.inner_text("main")
        assert place.portal.call(place.acked)[1] != asked
        assert "policy.approved" not in place.portal.call(place.kinds)
        touch(seen)
        seen.page.wait_for_url("**/sharing?done=touch-held")
