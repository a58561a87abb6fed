"""Site and gateway count the same for a day: told the same story, the agent and the centre say one number."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.app.given_ties import GivenTies
from gateway.kernel.database import Database
from gateway.live import Live
from partner_agent.wire import messages as m
from policies.request import Usage
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.fakes.evidence import SITE
from tests.fakes.ids import SequentialIds
from tests.policies import build
from tests.support.agents import Bench
from tests.support.documents import clip_request
from tests.support.evidence import EvidenceGateway, create, patch
from tests.support.lying_gateway import OBLIGATIONS

pytestmark = pytest.mark.anyio
ALWAYS = build.policy(build.rule(acts=frozenset({Act.CLIP_FETCH})))


@pytest.fixture
def gateway(database: Database, tmp_path: Path, clock: FakeClock, ids: SequentialIds) -> EvidenceGateway:
    """On SQLite and on PostgreSQL."""
    return EvidenceGateway(database, tmp_path, clock, ids)


async def _released(bench: Bench, number: int) -> None:
    """The site takes a grant for a minute of recording, as the gateway of these tests asks for."""
    lineage = bench.agent.policy.position.lineage
    request = clip_request(lineage=lineage, request_id=f"clr_{number}", t1="2026-11-23T14:01:00Z")
    upload = {"upload_url": f"https://gw.example/uploads/{number}", "upload_token": "t", "request": request}
    body: dict[str, Any] = {"act": "clip.fetch", "publish": None, "clip": upload, "obligations": OBLIGATIONS}
    ids = {"jti": f"grt_{number}", "session": f"ses_{number}"}
    await bench.agent.desk.grant(bench.gateway.grant(bench.body(**body, **ids)))
    await anyio.wait_all_tasks_blocked()
    assert not bench.heard(m.Refused)


async def test_site_and_gateway_count_recordings_alike(gateway: EvidenceGateway, tmp_path: Path, clock: FakeClock):
    """Nothing, on its way, handed over, a day less a second later, and a day later: 0, 60, 60, 60, 0 seconds."""
    bench, given = Bench(tmp_path / "site", clock), GivenTies(clock)
    given.tie(gateway.services.live, gateway.evidence)

    async def both() -> tuple[int, int]:
        centre = (await given.usage({SITE})).get(SITE, Usage())
        return bench.agent.sessions.usage(None).clip_s, centre.clip_s

    async with bench.at_work():
        bench.share(ALWAYS)
        bench.uploader.gate = anyio.Event()
        assert await both() == (0, 0)

        await _released(bench, 1)
        _, secret = await gateway.captured(b"pictures")
        assert await both() == (60, 60)

        bench.uploader.gate.set()
        await anyio.wait_all_tasks_blocked()
        async with gateway.client(secret) as client:
            assert (await patch(client, await create(client, 8), 0, b"pictures")).status_code == 204
        assert await both() == (60, 60)

        clock.advance(24 * 3600 - 1)
        assert await both() == (60, 60)
        clock.advance(1)
        assert await both() == (0, 0)


async def test_one_answer_holds_what_was_given_live_and_recorded(gateway: EvidenceGateway):
    """A place that only gave recordings counts too; one that gave nothing is not named."""
    await gateway.received(b"pictures")
    given = GivenTies(gateway.clock)
    assert await given.usage({SITE}) == {}  # nothing is built yet: nothing is released either

    live: Live = gateway.services.live
    given.tie(live, gateway.evidence)
    assert await given.usage({SITE, "sit_" + "z" * 26}) == {SITE: Usage(clip_s=60)}
