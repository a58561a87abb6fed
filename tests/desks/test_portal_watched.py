"""What the owner's first page says of what is watched now."""

from datetime import datetime

import pytest
from litestar.testing import AsyncTestClient

from gateway.cameras import CameraFacts
from gateway.desks.portal.ports import Watched
from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.pages import Caller
from tests.support.partners import LOOP, world

pytestmark = pytest.mark.anyio


class TwoLook:
    """`LiveViews`: two people look at one camera."""

    def __init__(self, camera: str, since: datetime) -> None:
        self._views = [Watched(camera, "Front door", who, "robbery", since) for who in ("Robin", "Sam")]

    async def watched(self, organisation_id: str) -> list[Watched]:
        assert organisation_id
        return self._views


async def test_a_camera_that_two_people_watch_is_one_camera(sqlite_database: Database):
    """Cameras are counted, and each who looks is named."""
    w = world(sqlite_database, clock=SystemClock(), ids=SystemIds())
    owner = await w.owner()
    facts = CameraFacts("Front door", LOOP, 90, is_public_facing=True, purpose="")
    camera = await w.cameras.add(owner, await w.site(owner), facts)
    w.portal._live = TwoLook(camera.id, w.clock.now())
    async with AsyncTestClient(w.app(Caller(owner))) as client:
        page = (await client.get("/portal", headers={"accept": "text/html"})).text

    said = page.partition('id="now"')[2].partition("</section>")[0]
    assert "1 camera<" in said
    assert ("Robin" in said, "Sam" in said) == (True, True)
