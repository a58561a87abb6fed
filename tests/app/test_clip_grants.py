"""The grant of a clip on its way to a site: sent again as it is while the site may still take it, and made once."""

from datetime import timedelta

import pytest

from gateway.app.evidence import RESEND_S, LinkedSites
from gateway.evidence import Place, SiteUnreachableError, Wanted
from gateway.evidence.asking import new_request
from gateway.evidence.model import ClipRequest
from gateway.kernel.database import Database
from partner_agent.wire import frames, messages
from partner_agent.wire.messages import Health
from tests.support.evidence import OPERATOR
from tests.support.site_bench import DOOR, GATEWAY, ORG, SITE, MiniAgent, Pipe, SiteBench

pytestmark = pytest.mark.anyio


class CountedGrants:
    """`ClipGrants` that makes a new token each time it is asked, as each would have its own leaf."""

    def __init__(self) -> None:
        self.made = 0

    async def make(self, request: ClipRequest, *, fresh: str, upload_url: str, upload_token: str) -> str:
        self.made += 1
        return f"grant {self.made} under {request.session_id} for {fresh} to {upload_url}{upload_token}"


def request_of(bench: SiteBench, agent: MiniAgent) -> ClipRequest:
    """An approved request for a minute of the front door."""
    now = bench.clock.now()
    wanted = Wanted(
        camera_id=DOOR.id,
        t0=now - timedelta(hours=1),
        t1=now - timedelta(minutes=59),
        purpose="violent_crime",
        incident_id="",
        legal_basis="consent",
    )
    place = Place(organisation_id=ORG, site_id=SITE.id, agent_id=agent.id, lineage=agent.lineage, local_camera="c1")
    return new_request(OPERATOR, wanted, place, request_id="clr_" + "a" * 26, now=now)


async def unanswered(linked: LinkedSites, request: ClipRequest, pipe: Pipe) -> str:
    """Send the grant of `request` to a site that does not answer in time; the token it heard."""
    with pytest.raises(SiteUnreachableError):
        await linked.release(request, upload_url="u", upload_token="t")
    while not isinstance(message := await pipe.hear(), messages.Grant):
        pass
    return message.token


@pytest.fixture
def bench(sqlite_database: Database, tmp_path) -> SiteBench:
    """A gateway's links."""
    return SiteBench(sqlite_database, tmp_path)


async def test_a_late_site_hears_the_same_grant_again(bench: SiteBench):
    """Until the grant can no longer be taken there is one, with one leaf; over a new link it is another."""
    agent, grants = await bench.paired(), CountedGrants()
    linked = LinkedSites(sites=bench.sites, gateway=GATEWAY, grants=grants, answer_s=0)
    request = request_of(bench, agent)

    def is_ready() -> bool:
        return not bench.sites.hub.problem_of(agent.id)

    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await bench.until(is_ready)
        first = await unanswered(linked, request, pipe)
        assert await unanswered(linked, request, pipe) == first
        bench.clock.advance(RESEND_S)
        health = Health(cameras=[], sessions=0, uptime_s=1)
        pipe.say(frames.encode(messages.Heartbeat(id=agent.new_id(), fresh="f2", health=health)))
        await bench.until(lambda: bench.sites.hub.fresh_of(agent.id) == "f2")
        second = await unanswered(linked, request, pipe)
        assert second != first
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await bench.until(is_ready)
        assert await unanswered(linked, request, pipe) not in {first, second}

    assert grants.made == 3
