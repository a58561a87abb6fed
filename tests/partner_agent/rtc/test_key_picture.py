"""A cached key picture is put together again whole, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import h264, key_picture, nal
from partner_agent.rtc.ring import Packet

SPS, PPS, SEI = b"\x67\x64\x00\x28more", b"\x68pps", b"\x06sei"
IDR = b"\x65\x88" + b"i" * 3000
UNITS = [SEI, SPS, PPS, IDR]


def packets(units: list[bytes], *, first: int = 65_530, timestamp: int = 90) -> list[Packet]:
    """One picture as the cache keeps it."""
    payloads = h264.packetise(units)
    return [
        Packet(first + place, place == len(payloads) - 1, timestamp, payload) for place, payload in enumerate(payloads)
    ]


def test_a_picture_of_every_kind_of_payload_comes_back_as_it_was_sent():
    """Aggregate, fragments and single units; what follows in the group is not in it."""
    units = [*UNITS, b"\x65\x10" + b"j" * 1190, b"\x65\x10" + b"k" * 10]
    picture = packets(units)
    assert {packet.payload[0] & 31 for packet in picture} == {5, 24, 28}

    later = packets([b"\x41\x9apicture"], first=picture[-1].number + 1, timestamp=3_090)

    assert key_picture.first_of([*picture, *later]) == nal.join(units)


@pytest.mark.parametrize("lost", range(len(packets(UNITS))))
def test_a_picture_of_which_a_packet_is_missing_is_none(lost: int):
    """At its beginning, in the middle, and at its end."""
    picture = packets(UNITS)
    assert len(picture) > 3

    assert key_picture.first_of(picture[:lost] + picture[lost + 1 :]) == b""


@pytest.mark.parametrize("units", [[IDR], [SPS, IDR], [PPS, IDR], [SPS, PPS], [SPS, PPS, b"\x65\x08second half"]])
def test_what_no_decoder_can_start_with_is_none(units: list[bytes]):
    """Without parameter sets, without a slice, or without the slice at the picture's beginning."""
    assert key_picture.first_of(packets(units)) == b""


def test_no_group_has_no_picture():
    """Before the first key picture."""
    assert key_picture.first_of([]) == b""


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=6))
def test_hostile_payloads_give_a_picture_or_none(payloads: list[bytes]):
    """Whatever a publisher sends, nothing fails; what is given has its parameter sets."""
    group = [Packet(place, place == len(payloads) - 1, 1, payload) for place, payload in enumerate(payloads)]

    picture = key_picture.first_of(group)

    assert not picture or nal.has_parameter_sets(picture)


def test_the_codec_is_named_by_the_parameter_set():
    """Profile, constraints and level in hexadecimal (RFC 6381 §3.3); one that is cut short names none."""
    assert key_picture.codec_of(nal.join(UNITS)) == "avc1.640028"
    assert key_picture.codec_of(nal.join([b"\x67\x64", IDR])) == ""
    assert key_picture.codec_of(b"") == ""
