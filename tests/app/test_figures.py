"""What `/metrics` tells of sites, views, relay, log and clips is what they measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.app.figures import sources
from gateway.edge.observe import Metrics
from gateway.evidence import ClipState
from gateway.kernel.database import Database
from gateway.live import SessionState
from gateway.live.relay.client import RelayGoneError
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.evidence import OWNER, EvidenceGateway

pytestmark = pytest.mark.anyio
SAID = {
    "publications": 2,
    "viewers": 3,
    "dropped_datagrams": 11,
    "unknown_datagrams": 5,
    "repeated_packets": 13,
    "asked_packets": 7,
    "losing_viewers": 1,
    "kept_bytes": 17,
    "groups_given_up": 19,
}


@dataclass
class FakeRelay:
    """Says how much runs, or is gone."""

    said: Mapping[str, int] | None

    async def figures(self) -> Mapping[str, int]:
        if self.said is None:
            raise RelayGoneError("there is no relay")
        return self.said


async def shown(gateway: EvidenceGateway, relay: FakeRelay) -> list[str]:
    """The lines of the page, with three views open and two sites connected."""
    states = [SessionState.ESTABLISHED, SessionState.ESTABLISHED, SessionState.REQUESTED]
    live: Any = SimpleNamespace(running=lambda: [SimpleNamespace(state=state) for state in states])
    hub: Any = SimpleNamespace(connected=2)
    asked = sources(
        hub=hub, live=live, relay=relay.figures, sequencer=gateway.services.sequencer, evidence=gateway.evidence
    )
    return (await Metrics(asked).page()).splitlines()


@pytest.fixture
def gateway(database: Database, tmp_path: Path, clock: FakeClock, ids: SequentialIds) -> EvidenceGateway:
    """One that takes recordings, on either engine."""
    return EvidenceGateway(database, tmp_path, clock, ids)


async def test_figures_are_what_is_measured(gateway: EvidenceGateway):
    """Sites, views and clips by state, the relay's own count, the log's size and how late it is."""
    declined = await gateway.asked()
    await gateway.evidence.answer(OWNER, declined.id, is_yes=False, approval=None)
    for _ in range(2):
        await gateway.asked()
    await gateway.approved()
    await gateway.settle()
    size = (await gateway.services.sequencer.status()).size
    await gateway.asked()
    gateway.clock.advance(4)
    lines = await shown(gateway, FakeRelay(SAID))

    assert {
        "lenspact_sites_connected 2",
        'lenspact_views_open{state="requested"} 1',
        'lenspact_views_open{state="accepted"} 0',
        'lenspact_views_open{state="established"} 2',
        "lenspact_relay_publications 2",
        "lenspact_relay_viewers 3",
        "lenspact_relay_dropped_datagrams_total 11",
        "# TYPE lenspact_relay_dropped_datagrams_total counter",
        "lenspact_relay_repeated_packets_total 13",
        "lenspact_relay_asked_packets_total 7",
        "lenspact_relay_losing_viewers 1",
        "lenspact_relay_kept_bytes 17",
        "lenspact_relay_groups_given_up_total 19",
        f"lenspact_log_entries {size}",
        "lenspact_log_lag_seconds 4",
        'lenspact_clips_open{state="held"} 3',
        'lenspact_clips_open{state="cutting"} 1',
        'lenspact_clips_open{state="approved"} 0',
    } <= set(lines)
    assert not any(f'"{state}"' in line for line in lines for state in (ClipState.DECLINED, ClipState.DOWNLOADABLE))


async def test_without_a_relay_none_of_its_figures_is_shown(gateway: EvidenceGateway):
    """A relay that is gone has no viewers to report, not zero of them."""
    lines = await shown(gateway, FakeRelay(None))

    assert not any(line.startswith("lenspact_relay_") for line in lines)
    assert 'lenspact_scrape_failed{state="relay"} 1' in lines
    assert 'lenspact_scrape_failed{state="log"} 0' in lines
