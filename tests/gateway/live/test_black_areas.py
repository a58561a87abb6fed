"""Black areas as a viewer gets them: what the relay forwards is decoded, and no picture shows what must be black."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent.areas import Area, box, shape_of
from partner_agent.converting import Converted, Converter
from partner_agent.handover import Handover
from partner_agent.parameters import ParameterSets
from partner_agent.rtc import h264, nal
from partner_agent.rtc.outgoing import OutgoingStream
from partner_agent.rtc.rtp import RtpPacket
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from partner_agent.wire.problems import Code
from tests.support import cameras
from tests.support.relay_lab import lab
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
AREA = Area("left", "Left", box(1000, 2000, 5000, 7000), shape_of(160, 96))
BLACK = 30  # luma of black is 16; the encoder is off by a little


def units_of(*streams: Stream) -> Iterator[AccessUnit]:
    """A camera that is set anew while it runs."""
    number = 0
    for stream in streams:
        sets = ParameterSets(b"")
        for picture in stream.pictures:
            data = sets.complete(nal.join(picture.nals), is_key=picture.is_key)
            yield AccessUnit(data, number * 6000, picture.is_key, None)
            number += 1


def pictures_of(packets: Iterable[RtpPacket]) -> Iterator[bytes]:
    """Access units out of RTP payloads (RFC 6184)."""
    units: list[bytes] = []
    for packet in packets:
        kind, payload = packet.payload[0] & 0x1F, packet.payload
        if kind == 24:  # STAP-A
            units += h264.aggregated(payload)
        elif kind == 28:  # FU-A
            if payload[1] & 0x80:
                units.append(bytes([(payload[0] & 0xE0) | (payload[1] & 0x1F)]))
            units[-1] += payload[2:]
        else:
            units.append(payload)
        if packet.is_last:
            yield nal.join(units)
            units = []


def brightest(frame: av.VideoFrame) -> int:
    """The lightest pixel of the area."""
    plane = frame.planes[0]
    pixels, line = bytes(plane), plane.line_size
    rows = range(round(0.2 * frame.height), round(0.7 * frame.height))
    return max(max(pixels[y * line + round(0.1 * frame.width) : y * line + round(0.5 * frame.width)]) for y in rows)


@pytest.mark.parametrize("is_masked", [False, True])
async def test_nothing_the_relay_forwards_shows_what_must_be_black(tmp_path: Path, *, is_masked: bool):
    """Through two sizes of one shape; at a third of another shape nothing leaves any more. Unmasked, it is seen."""
    film = cameras.make_film(tmp_path / "film.mp4")
    sizes = ((160, 96), (320, 192), (160, 120))
    streams = [cameras.small_stream(film, tmp_path, size=size) for size in sizes]
    handover = Handover()
    pictures = Converted(handover.add(replay_gop=False), Converter([AREA] if is_masked else []))
    sent = 0
    async with lab() as relay:
        publisher = await relay.publish()
        protector = publisher.leg.protector(9)
        stream = OutgoingStream(ssrc=9, protector=protector, retransmitter=None)
        fanout = next(iter(relay.engine._tables.streams.values())).fanout
        viewer = None
        for unit in units_of(*streams):
            handover.put(unit)
            with anyio.fail_after(5):
                made = await anext(pictures, None)
            if made is None:
                break
            datagrams = stream.datagrams(made, float(sent))
            publisher.leg.send(datagrams)
            await until(lambda due=fanout.packets + len(datagrams): fanout.packets == due)  # noqa: B008 - of now
            sent += 1
            if viewer is None:
                viewer = await relay.view()
                assert relay.admit()
        assert viewer is not None
        await until(lambda: len(list(pictures_of(viewer.rtp))) == sent)
        shown = list(pictures_of(viewer.rtp))

    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    frames = [frame for picture in shown for frame in decoder.decode(av.Packet(picture))]
    lightest = [brightest(frame) for frame in frames]
    if is_masked:
        assert sent == len(streams[0].pictures) + len(streams[1].pictures) == len(frames)
        assert {frame.width for frame in frames} == {160, 320}
        assert max(lightest) <= BLACK
        assert pictures.code is Code.OBLIGATION_UNKNOWN
    else:
        assert sent == sum(len(one.pictures) for one in streams) == len(frames)
        assert min(lightest) > 100
