"""The audio section of a call: what is taken of it, and what is as if it were not there."""

from dataclasses import replace

import pytest

from partner_agent.rtc import sdp
from partner_agent.rtc.sdp_sound import OFFERED, Codec, Sound
from tests.partner_agent.rtc.test_sdp import CALL, CHROMIUM

PHONE = CHROMIUM.replace("SAVPF 111\r\n", "SAVPF 111 0 8 13\r\n").replace(
    "a=rtpmap:111 opus/48000/2\r\n", "a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\n"
)


def test_our_own_sound_reads_back():
    """What one end writes the other understands, in one bundle, with the transport in each section."""
    said = Sound(OFFERED, ssrc=9)

    text = sdp.write(replace(CALL, direction="sendonly", ssrc=7, sound=said))

    assert sdp.parse(text).offered_sound == said
    assert "a=group:BUNDLE 0 1\r\n" in text
    assert text.count("a=ice-ufrag:ufrag") == text.count("a=candidate:") == 2
    assert "a=ssrc:9 cname:live" in text
    assert "a=ssrc:7 cname:live" in text  # one name, so that lips and words fit


def test_a_browser_s_codecs_are_known_by_its_own_names():
    """Static types need no map (RFC 3551 §6), others go by theirs; comfort noise is not sound we carry."""
    sound = sdp.parse(PHONE).offered_sound

    assert sound == Sound(((Codec.OPUS, 111), (Codec.PCMU, 0), (Codec.PCMA, 8)), "0", 0, "recvonly")


def test_an_answer_takes_sound_in_its_place():
    """The section stays where the offer had it, and the bundle names both in that order."""
    offer = sdp.parse(CHROMIUM)
    assert offer.offered_sound is not None
    sound = replace(offer.offered_sound, direction="sendonly", ssrc=5)

    text = sdp.write(replace(offer, direction="sendonly", setup="passive", sound=sound))

    assert [line for line in text.split("\r\n") if line.startswith("m=")] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 109",
    ]
    assert "a=group:BUNDLE 0 1\r\n" in text
    assert "a=inactive" not in text


def test_without_a_word_it_is_declined():
    """Whoever writes an offer back has taken no sound by it."""
    text = sdp.write(sdp.parse(CHROMIUM))

    assert "m=audio 0 " in text
    assert "a=group:BUNDLE 1\r\n" in text
    assert sdp.parse(text).offered_sound is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE 1"),
        ("a=group:BUNDLE 0 1", "a=x"),
        ("m=audio 9", "m=audio 0"),
        ("opus/48000/2", "opus/16000"),
        ("opus/48000/2", "L16/44100"),
        ("a=mid:0\r\na=recvonly\r\na=rtcp-mux", "a=mid:0\r\na=recvonly"),
        ("a=mid:0\r\na=recvonly", "a=mid:0\r\na=inactive"),
        ("SAVPF 111", "SAVPF 999"),
        ("SAVPF 111", "SAVPF x"),
    ],
)
def test_sound_that_cannot_be_taken_is_as_if_it_were_not_there(old: str, new: str):
    """Not bundled, off, unknown, or without a shared port: pictures go on without it."""
    assert old in CHROMIUM

    call = sdp.parse(CHROMIUM.replace(old, new, 1))

    assert call.offered_sound is None
    assert call.payload_type == 109
