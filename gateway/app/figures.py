"""What `/metrics` tells beside requests: each figure is measured when it is asked for, by whoever it belongs to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from gateway.audit import Sequencer
from gateway.edge.observe import Figure, Source
from gateway.evidence import Evidence
from gateway.live import Live, SessionState
from gateway.sites import LinkHub

RUNNING: Final = (SessionState.REQUESTED, SessionState.ACCEPTED, SessionState.ESTABLISHED)
RelayFigures = Callable[[], Awaitable[Mapping[str, int]]]


def sources(
    *, hub: LinkHub, live: Live, relay: RelayFigures, sequencer: Sequencer, evidence: Evidence
) -> tuple[Source, ...]:
    """Everybody who is asked. Links, views and relay are this process's own; log and clips are the installation's."""
    return (
        Source("sites", partial(_of_sites, hub)),
        Source("views", partial(_of_views, live)),
        Source("relay", partial(_of_relay, relay)),
        Source("log", partial(_of_log, sequencer)),
        Source("clips", partial(_of_clips, evidence)),
    )


async def _of_sites(hub: LinkHub) -> Sequence[Figure]:
    return [Figure("sites_connected", "Sites whose agent is connected to this process.", hub.connected)]


async def _of_views(live: Live) -> Sequence[Figure]:
    states = [session.state for session in live.running()]
    meaning = "Open live views: asked of the site, accepted by it, pictures forwarded."
    return [Figure("views_open", meaning, states.count(state), state=state.value) for state in RUNNING]


async def _of_relay(relay: RelayFigures) -> Sequence[Figure]:
    said = await relay()
    dropped = "Datagrams a full socket buffer of the relay swallowed since it started."
    unknown = "Datagrams of nobody the relay knows since it started."
    repeated = "Packets viewers lost that the relay sent again since it started."
    asked = "Packets lost between sites and the relay that it asked for again since it started."
    losing = "Viewers who lose one packet in twenty or more, by their last report."
    kept = "What the relay keeps of running groups of pictures, so that a viewer begins at once."
    given_up = "Groups of pictures the relay let go for want of room since it started."
    figures = {
        "publications": Figure("relay_publications", "Cameras whose site publishes to the relay.", 0),
        "viewers": Figure("relay_viewers", "Viewers the relay forwards to.", 0),
        "dropped_datagrams": Figure("relay_dropped_datagrams_total", dropped, 0, "counter"),
        "unknown_datagrams": Figure("relay_unknown_datagrams_total", unknown, 0, "counter"),
        "repeated_packets": Figure("relay_repeated_packets_total", repeated, 0, "counter"),
        "asked_packets": Figure("relay_asked_packets_total", asked, 0, "counter"),
        "kept_bytes": Figure("relay_kept_bytes", kept, 0),
        "groups_given_up": Figure("relay_groups_given_up_total", given_up, 0, "counter"),
        "losing_viewers": Figure("relay_losing_viewers", losing, 0),
    }
    return [replace(figure, value=said[name]) for name, figure in figures.items() if name in said]


async def _of_log(sequencer: Sequencer) -> Sequence[Figure]:
    status = await sequencer.status()
    late = "Age of the oldest entry that has no number; from 60 on nothing new is shown."
    return [
        Figure("log_entries", "Entries in the last signed head of the log.", status.size),
        Figure("log_lag_seconds", late, status.lag_s),
    ]


async def _of_clips(evidence: Evidence) -> Sequence[Figure]:
    meaning = "Requests for recordings in which something still has to happen."
    queue = await evidence.queue()
    return [Figure("clips_open", meaning, count, state=state.value) for state, count in queue.items()]
