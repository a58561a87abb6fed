"""Our relay against Janus: processor time of one packet to one viewer, with ingest, feedback and all else included.

Both are connected to their viewers all the time and fed in turn, five times each, from the same loop at the same pace;
both encrypt with AES-128-GCM; both were asked, in the call, to repeat lost packets, and losses are told. Ours also
decrypts its ingest, which reaches Janus bare.

The gates hold for what sending costs. On one machine the kernel takes each packet in within its sender's time, for us
and for the peer alike, which no engine pays where its viewers are elsewhere; rows without a gate say it with that.
"""

import tempfile
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.bench.harness import PAIRS, Bench, Gate
from tests.bench.live import processor
from tests.bench.live.janus import Janus
from tests.bench.live.namespace import MEDIA_ADDRESS, receivers_elsewhere
from tests.bench.live.stage import Slice, Stage, stage

SLICE_S = 6.0
GATES = {40: 0.50, 80: 0.35}
MOST_LOST = 0.1  # on a busy machine Janus does not read its RTP socket in time; what it never got it did not send
BACKEND = {"use_uvloop": True}
PREFIX = "lenspact-bench-"


def run(bench: Bench) -> None:
    """Each number of viewers."""
    for viewers, most in GATES.items():
        with (
            processor.awake(processor.MEASURED),
            start_blocking_portal("asyncio", BACKEND) as portal,
            tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
        ):
            made = stage(Path(folder), host=MEDIA_ADDRESS, has_peer=True)
            with portal.wrap_async_context_manager(made) as on:
                portal.call(on.publish)
                portal.call(on.watch, viewers)
                portal.call(on.call, viewers)
                gate = Gate("<=", most)
                with receivers_elsewhere():
                    _pairs(bench, portal, on, "cpu_vs_janus", gate)
                _pairs(bench, portal, on, "cpu_with_receivers_vs_janus", None)


def _pairs(bench: Bench, portal: BlockingPortal, on: Stage, name: str, gate: Gate | None) -> None:
    assert on.peer is not None
    viewers = len(on.sessions)
    for engine in ("relay", "janus"):
        _slice(portal, on, on.peer, engine, 1.0)  # warm
    taken: list[tuple[Slice, Slice]] = []
    for turn in range(PAIRS):
        order = ("relay", "janus") if turn % 2 == 0 else ("janus", "relay")
        found = {engine: _slice(portal, on, on.peer, engine, SLICE_S) for engine in order}
        taken.append((found["relay"], found["janus"]))
    checked = [portal.call(seen, on, end, each) for end, each in _sides(taken)]
    rate = sum(taken[0][0].counts) / viewers / taken[0][0].wall_s
    note = f"{viewers} viewers, {rate:.0f} packets/s each; ours {checked[0]}, theirs {checked[1]}"
    pairs = [(ours.us_per_packet, peer.us_per_packet) for ours, peer in taken]
    bench.pairs(f"{name}_{viewers}", pairs, "us", gate, note)


def _sides(taken: list[tuple[Slice, Slice]]) -> list[tuple[str, list[Slice]]]:
    return [(name, [pair[side] for pair in taken]) for side, name in enumerate(("ses_0", "jan_0"))]


def _slice(portal: BlockingPortal, on: Stage, peer: Janus, engine: str, seconds: float) -> Slice:
    source, pid, prefix = ("pub_0", on.pid, "ses_") if engine == "relay" else ("plain", peer.pid, "jan_")
    return portal.call(lambda: on.slice(source, pid, prefix, seconds=seconds))


async def seen(on: Stage, name: str, slices: list[Slice]) -> str:
    """How many packets the one that looks closely saw, and how many are missing over all viewers.

    Raises:
        RuntimeError: one was wrong or out of order, or too many are missing: the figures would compare nothing.
    """
    found = await on.load.ask("checks", name=name)
    lost, came = sum(each.lost for each in slices), sum(sum(each.counts) for each in slices)
    if (
        any(found[key] for key in ("wrong", "disordered", "rejected"))
        or not found["checked"]
        or lost > MOST_LOST * came
    ):
        raise RuntimeError(f"{name} saw {found}; of {came} packets to all viewers {lost} were lost")
    if not found["sender_reports"]:
        raise RuntimeError(f"{name} got no sender report")
    return f"{found['checked']} checked, {lost} lost"
