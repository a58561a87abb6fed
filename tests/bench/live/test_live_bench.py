"""The live bench counts, times and checks as it says, and its whole load runs against a relay."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.rtc import rtp
from tests.bench.harness import Bench, Gate
from tests.bench.live import clip, ends, flooded, processor
from tests.bench.live.__main__ import GROUPS, SEEN
from tests.bench.live.far import FarWay
from tests.bench.live.packets import Checker, Tally
from tests.bench.live.shown import Shown, ages_ms, pauses_ms
from tests.bench.live.stage import stage
from tests.support.floods import Flood
from tests.support.waiting import until

LOOP = [b"key", b"one", b"two"]


def packet(sequence: int, payload: bytes) -> bytes:
    """One packet of a viewer's stream."""
    return rtp.header(is_last=True, payload_type=96, sequence=sequence, timestamp=0, ssrc=1) + payload


def taken(*packets: bytes) -> Checker:
    """What a checker makes of these."""
    checker = Checker(LOOP)
    for each in packets:
        checker.take(rtp.parse(each))
    return checker


def test_processor_time_is_read_behind_any_name():
    """A command's name may hold spaces and parentheses."""
    stat = "12 (a ) (b) R 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 3"
    assert processor.seconds_in(stat) == 200 / 100


@pytest.mark.anyio
async def test_processor_time_is_summed_by_the_word_in_a_command_line():
    """Of our own children and theirs; nobody has to know their numbers."""
    busy = [
        sys.executable,
        "-c",
        "import sys; print(sum(range(10**7)), flush=True); sys.stdin.read()",
        "a-word-of-its-own",
    ]
    async with await anyio.open_process(busy) as process:
        assert process.stdout is not None
        with anyio.fail_after(20):
            await process.stdout.receive()

        spent = processor.seconds_of({"mine": "a-word-of-its-own", "other": "no-such-word"})

        process.kill()
    assert spent["mine"] > 0
    assert spent["other"] == 0


def test_what_keeps_a_processor_awake_gives_way_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It runs only where nothing else would, on that processor, and is gone afterwards."""
    groups = tmp_path / "sched_autogroup_enabled"
    groups.write_text("1\n")
    monkeypatch.setattr(processor, "_AUTOGROUPS", groups)
    with processor.awake(processor.MEASURED) as idler:
        assert idler is not None
        assert groups.read_text() == "0"
        assert os.sched_getscheduler(idler) == os.SCHED_IDLE
        assert os.sched_getaffinity(idler) == {min(os.sched_getaffinity(0))}

    assert not Path(f"/proc/{idler}").exists()
    assert groups.read_text() == "1\n"


def test_without_the_right_to_it_nothing_is_kept_awake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Idle work in a group of its own would be as good as any."""

    class Locked(type(tmp_path)):  # type: ignore[misc]
        def write_text(self, *_: object) -> int:
            raise PermissionError("not yours")

    groups = Locked(tmp_path / "sched_autogroup_enabled")
    groups.write_bytes(b"1\n")
    monkeypatch.setattr(processor, "_AUTOGROUPS", groups)

    with processor.awake(processor.MEASURED) as idler:
        assert idler is None


def test_processor_time_of_others_is_not_ours():
    """Two benches, or a soak beside one, have the same words in their command lines."""
    assert processor.descends(5, 1, {5: 3, 3: 1, 1: 0})
    assert not processor.descends(5, 4, {5: 3, 3: 1, 1: 0})


def test_a_tally_counts_gaps_over_the_wrap_of_the_sequence_number():
    """Three packets came of five."""
    tally = Tally()
    tally.note(2, 65_534, 65_535)
    tally.note(1, 2, 2)
    assert (tally.count, tally.span, tally.lost) == (3, 5, 2)


def test_a_tally_takes_no_late_packet_for_a_wrap():
    """One that was overtaken fills its gap."""
    tally = Tally()
    tally.note(1, 10, 10)
    tally.note(1, 12, 12)
    tally.note(1, 11, 11)
    assert tally.lost == 0


def test_a_loop_in_order_is_right():
    """Turn after turn, over the wrap of the sequence number."""
    checker = taken(*(packet((65_534 + number) % rtp.SEQUENCES, LOOP[number % 3]) for number in range(6)))
    assert (checker.checked, checker.wrong, checker.disordered, checker.replays) == (6, 0, 0, 0)


@pytest.mark.parametrize(
    ("packets", "wrong", "missing", "disordered"),
    [
        ([packet(1, b"key"), packet(2, b"xyz")], 1, 0, 0),
        ([packet(1, b"key"), packet(3, b"two")], 0, 1, 0),
        ([packet(1, b"key"), packet(2, b"two")], 0, 0, 1),
        ([packet(1, b"key"), packet(1, b"key")], 0, 0, 1),
        ([packet(2, b"one"), packet(1, b"key")], 0, 0, 1),
    ],
)
def test_what_is_wrong_is_seen(packets, wrong, missing, disordered):
    """Another payload, a gap, a payload out of turn, a packet twice, a packet late."""
    checker = taken(*packets)
    assert (checker.wrong, checker.missing, checker.disordered) == (wrong, missing, disordered)


def test_a_replay_is_no_disorder():
    """The loop over again under new numbers is what a relay answers a plea with."""
    checker = taken(packet(1, b"key"), packet(2, b"one"), packet(3, b"key"), packet(4, b"one"))
    assert (checker.disordered, checker.replays) == (0, 1)


def test_a_loop_with_a_payload_twice_is_refused():
    """Order could not be told."""
    with pytest.raises(ValueError, match="twice"):
        Checker([b"same", b"same"])


def test_what_a_viewer_offers_asks_for_repair_once():
    """Also where the description asks for it already."""
    plain = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fmtp:96 x\r\na=mid:0\r\n"
    once = ends.with_repair(plain, 96, 97)
    assert once.splitlines()[0].endswith(" 96 97")
    assert "a=fmtp:97 apt=96" in once.splitlines()
    assert ends.with_repair(once, 96, 97) == once


def test_pairs_are_ours_over_the_peers(capsys):
    """The median of the ratios, beside both medians."""
    bench = Bench("trial")
    bench.pairs("cost", [(1, 2), (2, 8), (3, 10)], "us")
    assert bench.ratios["cost"] == 0.3
    assert bench.figures == {"cost_ours_us": 2, "cost_peer_us": 8}


def test_too_few_starts_are_shown_and_not_judged(capsys):
    """A gate for n 200 says nothing of five."""
    bench = Bench("trial")
    bench.percentile("start", [1.0] * 5, "ms", percent=95, gate=Gate("<=", 0), least=200)
    assert bench.end() == 0
    assert "not judged" in capsys.readouterr().out
    bench.percentile("start", [1.0] * 200, "ms", percent=95, gate=Gate("<=", 0), least=200)
    assert bench.end() == 1


def test_samples_taken_before_are_a_figure_beside_a_calibration(capsys):
    """Their median, or what else is asked for."""
    bench = Bench("trial")
    bench.taken("middle", [3, 1, 2], "ms")
    bench.taken("whole", [3, 1, 2], "", of=sum)
    assert bench.figures == {"middle": 2, "whole": 6}
    assert len(bench.calibrations) == 2


@pytest.mark.anyio
async def test_a_packets_arrival_is_stamped_by_the_kernel():
    """However late it is read; the kernel takes a moment, after the first who wants stamps, until it gives them."""
    port = ends.CountingPort.listening("127.0.0.1")
    port.stamp()
    off_ns: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while len(off_ns) < 10 and not (off_ns and off_ns[-1] < 20_000_000):
            before = port.tally.count
            sender.sendto(packet(1, b"key"), port.address)
            sent_ns = time.time_ns()
            time.sleep(0.05)  # noqa: ASYNC251 -- the loop is held, so that nothing is read yet
            await until(lambda before=before: port.tally.count > before)
            off_ns.append(abs(port.arrived_ns - sent_ns))

    port.close()
    assert off_ns[-1] < 20_000_000


@pytest.mark.anyio
@pytest.mark.slow
async def test_two_viewers_see_every_packet_of_a_relay(tmp_path: Path):
    """The load against a relay process, small, without a namespace and without the peer."""
    async with stage(tmp_path, host="127.0.0.1", encoding=clip.SMALL) as on:
        await on.publish()
        await on.watch(2)

        seen = await on.slice("pub_0", on.pid, "ses_", seconds=1.0)

        checks = await on.load.ask("checks", name="ses_0")
        assert seen.lost == 0
        assert min(seen.counts) > 30
        assert seen.cpu_s < seen.wall_s
        assert checks["checked"] > 30
        assert checks["sender_reports"] > 0
        assert not any(checks[key] for key in ("wrong", "missing", "disordered", "replays", "rejected"))


class Heard:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def is_closing(self) -> bool:
        """Never."""
        return False

    def sendto(self, data: bytes, peer: object) -> None:
        """Keep it."""
        del peer
        self.sent.append(data)


@pytest.mark.anyio
async def test_the_far_way_loses_media_by_a_lot_that_is_the_same_each_time():
    """A tenth of the packets; checks and handshakes pass, whatever the lot says."""
    ways = [FarWay(("127.0.0.1", 1), 0, share=0.1) for _ in range(2)]
    for way in ways:
        heard: Any = Heard()
        for number in range(1000):
            way._pass(heard, packet(number, b"key"), None)
            way._pass(heard, b"\x16dtls", None)
        await until(lambda heard=heard, way=way: len(heard.sent) == way.passed)
        assert heard.sent.count(b"\x16dtls") == 1000
    assert ways[0].lost == ways[1].lost
    assert 60 < ways[0].lost < 140


@pytest.mark.anyio
async def test_the_far_way_is_long_from_a_peers_first_datagram_on():
    """The one that opens its socket took no time, and ICE half a round trip too little."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay, socket.socket(type=socket.SOCK_DGRAM) as peer:
        relay.bind(("127.0.0.1", 0))
        relay.setblocking(False)
        way = await FarWay.open(relay.getsockname(), every=0)
        assert isinstance(way, FarWay)
        way.rtt_s = 0.2
        began = anyio.current_time()
        peer.sendto(b"\0check", ("127.0.0.1", way.port))
        with anyio.fail_after(2):
            await anyio.wait_readable(relay)
        assert anyio.current_time() - began >= way.rtt_s / 2
        way.close()


def test_every_group_of_the_bench_is_known_by_one_name():
    """Whoever asks for some rows names them."""
    assert not set(GROUPS) & set(SEEN)


def test_a_frames_age_counts_from_the_newest_picture_of_its_number():
    """Numbers come again in each turn of the loop; a frame nobody sent has no age."""
    sent = [(1_000.0, 7), (11_000.0, 7), (11_040.0, 8), (12_000.0, 9)]
    frames = [Shown(11_090.0, 7), Shown(11_100.0, 8), Shown(11_140.0, 9), Shown(11_150.0, 40)]
    assert ages_ms(frames, sent) == [90.0, 60.0]


def test_pauses_lie_between_frames():
    """And before the first, and after the last; frames from before the span, or from after it, are none of it."""
    frames = [Shown(-40.0, 1), Shown(40.0, 2), Shown(340.0, 3), Shown(900.0, 4)]
    assert pauses_ms(frames, began_ms=0.0, ended_ms=400.0) == [40.0, 300.0, 60.0]


def test_a_picture_that_freezes_and_never_comes_back_is_a_pause():
    """As long as the rest of the run; all of it, where no frame was shown at all."""
    assert max(pauses_ms([Shown(40.0, 1)], began_ms=0.0, ended_ms=60_000.0)) == 59_960.0
    assert pauses_ms([], began_ms=0.0, ended_ms=60_000.0) == [60_000.0]


@pytest.mark.parametrize(("checks", "asked"), [(142_000, 150_000), (150_000, 112_464)])
def test_a_flood_that_was_smaller_than_asked_for_is_not_judged(checks: int, asked: int):
    """Checks and offers each: the rates are said, and that nothing follows from them."""
    gate, note = flooded.judged(Flood(checks=checks, asked=asked), 30.0)
    assert gate is None
    assert note.startswith("not judged")
    assert f"{checks / 30:,.0f} checks and {asked / 30:,.0f} offers a second" in note


def test_a_flood_of_what_was_asked_for_is_judged():
    """A twentieth less is as good: the machine is busy."""
    gate, note = flooded.judged(Flood(checks=142_500, asked=150_000), 30.0)
    assert gate is not None
    assert note.startswith("4,750 checks and 5,000 offers a second")
