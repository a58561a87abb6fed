"""One kind of call: what browsers and agents write is understood, everything else is declined or refused."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import sdp
from partner_agent.rtc.sdp_lines import Declined

FINGERPRINT = ":".join(["AB"] * 32)
CALL = sdp.Call(
    "ufrag",
    "p" * 22,
    FINGERPRINT,
    "actpass",
    "recvonly",
    102,
    "42e01f",
    candidates=("1 1 udp 9 127.0.0.1 5000 typ host",),
)
CHROMIUM = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:aaaa
a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 96 103 104 109
c=IN IP4 0.0.0.0
a=ice-ufrag:aaaa
a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
a=rtpmap:109 H264/90000
a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
""".replace("\n", "\r\n")


def test_our_own_description_reads_back():
    """What one end writes, the other understands."""
    sending = replace(CALL, direction="sendonly", setup="passive", ssrc=77)
    repairing = replace(sending, has_nack=True, has_remb=True, rtx_payload_type=103, rtx_ssrc=78)
    for call in (CALL, sending, repairing):
        assert sdp.parse(sdp.write(call)) == call


def test_a_browser_s_offer_is_understood():
    """H.264 constrained baseline in packetization-mode 1 is picked; the audio is declined in its place."""
    call = sdp.parse(CHROMIUM)

    assert (call.payload_type, call.profile, call.mid) == (109, "42e01f", "1")
    assert call.declined == (Declined("audio", "UDP/TLS/RTP/SAVPF", "111", "0", 0),)
    sections = sdp.write(call).split("m=")
    assert sections[1].startswith("audio 0 ")
    assert sections[2].startswith("video ")


CHANNEL = f"""m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:aaaa
a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("section", "declined"),
    [
        (CHANNEL, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"),
        (CHANNEL.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000"), "m=application 0 DTLS/SCTP 5000"),
        (CHANNEL.replace("UDP/DTLS/SCTP", "TCP/DTLS/SCTP"), "m=application 0 TCP/DTLS/SCTP webrtc-datachannel"),
        ("m=audio 0 UDP/TLS/RTP/SAVPF 63 111\r\na=mid:2\r\n", "m=audio 0 UDP/TLS/RTP/SAVPF 63 111"),
        ("m=audio 49170/2 RTP/AVP 0\r\na=mid:2\r\n", "m=audio 0 RTP/AVP 0"),
    ],
)
def test_a_declined_section_keeps_its_protocol_and_formats(section: str, declined: str):
    """RFC 3264 §6 and RFC 9429 §5.3.1: in its place, at port zero, outside the bundle, with nothing of a transport."""
    offer = (CHROMIUM + section).replace("BUNDLE 0 1", "BUNDLE 0 1 2")

    answer = sdp.write(replace(sdp.parse(offer), direction="sendonly", setup="passive"))

    assert answer.endswith(f"{declined}\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n")
    assert "a=group:BUNDLE 1\r\n" in answer
    assert "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n" in answer


@pytest.mark.parametrize(
    "line",
    ["m=application 9", "m=application 9 UDP/DTLS/SCTP", "m=application x UDP/DTLS/SCTP y", "m= 9 A b", "m=a 9 A ²"],
)
def test_a_section_that_cannot_be_declined_in_its_own_words_is_refused(line: str):
    """No protocol, no format, no port, or what is no token: there is no well-formed answer to it."""
    with pytest.raises(sdp.SdpError):
        sdp.parse(CHROMIUM + f"{line}\r\na=mid:2\r\n")


REPAIRS = """a=rtcp-fb:109 goog-remb
a=rtcp-fb:109 transport-cc
a=rtcp-fb:109 ccm fir
a=rtcp-fb:109 nack
a=rtcp-fb:109 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:114 rtx/90000
a=fmtp:114 apt=109;rtx-time=3000
""".replace("\n", "\r\n")


def test_a_browser_s_retransmission_is_the_one_of_the_format_that_was_picked():
    """`apt` says of which payload type; the answer names the pair and both sources (RFC 4588 §8.6, RFC 5576 §4.2)."""
    call = sdp.parse(CHROMIUM + REPAIRS)
    assert (call.has_nack, call.has_remb, call.rtx_payload_type) == (True, True, 114)

    answer = sdp.write(replace(call, direction="sendonly", setup="passive", ssrc=7, rtx_ssrc=8)).split("\r\n")

    for line in (
        "m=video 9 UDP/TLS/RTP/SAVPF 109 114",
        "a=rtcp-fb:109 nack",
        "a=rtcp-fb:109 nack pli",
        "a=rtpmap:114 rtx/90000",
        "a=fmtp:114 apt=109",
        "a=ssrc-group:FID 7 8",
        "a=ssrc:8 cname:live",
    ):
        assert line in answer


@pytest.mark.parametrize("gone", ["a=rtcp-fb:109 nack\r\n", "a=rtpmap:114 rtx/90000\r\n", "a=fmtp:114 apt=109"])
def test_without_all_of_it_nothing_is_repeated(gone: str):
    """No generic NACK, no name or no pair: no retransmission is negotiated."""
    call = sdp.parse(CHROMIUM + REPAIRS.replace(gone, ""))

    assert call.rtx_payload_type == 0
    assert "rtx" not in sdp.write(call)


@pytest.mark.parametrize(
    "line",
    [
        "a=ssrc-group:",
        "a=ssrc-group:FID 7 x",
        "a=ssrc:²",
        "a=ssrc:" + "9" * 5_000,
        "a=rtpmap:³ H264/90000",
        "a=fmtp:" + "1" * 5_000 + " apt=109",
        "a=rtcp-fb:",
    ],
)
def test_numbers_that_are_none_are_passed_over(line: str):
    """Other digits, none, or thousands of them: as if the line were not there."""
    assert sdp.parse(CHROMIUM + line + "\r\n") == sdp.parse(CHROMIUM)


def test_only_sha_256_is_written():
    """Other fingerprints confuse other engines, and one is enough."""
    assert sdp.write(CALL).count("a=fingerprint:") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=video", "m=audio"),
        ("packetization-mode=1", "packetization-mode=0"),
        ("a=rtcp-mux", "a=x"),
        (f"sha-256 {FINGERPRINT}", f"sha-512 {FINGERPRINT}"),
        (FINGERPRINT, FINGERPRINT[:-3]),
        ("a=setup:actpass", "a=setup:holdconn"),
        ("a=ice-pwd:" + "p" * 22, "a=ice-pwd:short"),
        ("a=ice-ufrag:ufrag", "a=ice-ufrag:u frag"),
        ("a=recvonly", "a=inactive"),
        ("a=mid:0", "a=mid:<script>"),
        ("s=-", "s=" + "x" * 17_000),
    ],
)
def test_what_cannot_be_used_is_refused(old: str, new: str):
    """Each missing or foreign part is one SdpError."""
    text = sdp.write(CALL)
    assert old in text

    with pytest.raises(sdp.SdpError):
        sdp.parse(text.replace(old, new))


def test_two_fingerprints_are_refused():
    """A certificate is one; a second line could smuggle another past the ticket."""
    text = sdp.write(CALL).replace("a=setup", f"a=fingerprint:sha-256 {FINGERPRINT.replace('AB', 'CD')}\r\na=setup")

    with pytest.raises(sdp.SdpError):
        sdp.parse(text)


@given(st.text(max_size=400), st.integers(0, 900))
def test_no_text_breaks_the_parser(text: str, at: int):
    """Anything is a call or an SdpError."""
    whole = sdp.write(CALL)
    for candidate in (text, whole[:at] + text + whole[at:]):
        with contextlib.suppress(sdp.SdpError):
            sdp.parse(candidate)
