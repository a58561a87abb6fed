"""What arrives is opened as libsrtp would, once, and only if it is the peer's."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from partner_agent.rtc import rtp
from partner_agent.rtc.opening import MAX_SOURCES, WINDOW, ForgedError, GcmOpener, LibsrtpOpener, Opener, RtcpOpener

KEY, SALT = bytes(range(16)), bytes(range(100, 112))
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM


class Sender:
    """A peer whose packets libsrtp encrypts."""

    def __init__(self, key: bytes = KEY + SALT, profile: int = PROFILE) -> None:
        self.session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def packet(self, sequence: int, *, ssrc: int = 7, payload: bytes = b"picture") -> memoryview:
        """The datagram with this sequence number."""
        return memoryview(self.session.protect(head(sequence, ssrc) + payload))


def head(sequence: int, ssrc: int = 7) -> bytes:
    """A plain header."""
    return rtp.header(is_last=True, payload_type=96, sequence=sequence, timestamp=3, ssrc=ssrc)


def opened(opener: Opener, *datagrams: memoryview) -> list[int]:
    """The sequence numbers of those that were taken."""
    taken = []
    for datagram in datagrams:
        try:
            taken.append(opener.open(datagram).sequence)
        except ForgedError:
            continue
    return taken


@pytest.fixture
def opener() -> GcmOpener:
    """With the sender's keys."""
    return GcmOpener(key=KEY, salt=SALT)


@pytest.mark.parametrize("place", [1, 3, 9, 12, -1])
def test_an_altered_packet_is_refused_and_changes_nothing(opener, place):
    """Whichever byte it is; the true one is still new afterwards."""
    true = Sender().packet(5)
    altered = bytearray(true)
    altered[place] ^= 1

    with pytest.raises(ForgedError):
        opener.open(memoryview(altered))

    assert opener.open(true) == rtp.parse(head(5) + b"picture")


def test_a_packet_is_taken_once(opener):
    """In order, late or lost in between: what came before is a replay."""
    sender = Sender()
    sent = {number: sender.packet(number) for number in (5, 6, 7, 8)}

    assert opened(opener, sent[5], sent[5], sent[8], sent[6], sent[6], sent[8], sent[7], sent[5]) == [5, 8, 6, 7]


def test_what_was_overtaken_by_too_much_is_refused(opener):
    """Nobody could tell whether it is new."""
    sender = Sender()
    early, late = sender.packet(1), sender.packet(2)
    rest = [sender.packet(number) for number in range(3, WINDOW + 4)]

    assert opened(opener, early, *rest)[-1] == WINDOW + 3
    assert opened(opener, late) == []


def test_the_rollover_is_guessed_from_what_was_authentic(opener):
    """Packets before and behind the wrap of the sequence number, in either order; a forged one leads nowhere."""
    sender = Sender()
    sent = [sender.packet(number) for number in (65_533, 65_534, 65_535, 0, 1)]
    forged = memoryview(head(20_000) + bytes(40))

    assert opened(opener, sent[0], forged, sent[3], sent[1], sent[2], sent[4]) == [65_533, 0, 65_534, 65_535, 1]


def test_extension_csrc_and_padding_are_left_out(opener):
    """The first two travel in the clear, the last inside."""
    sender = Sender()
    bare = head(9)
    packet = bytes([0xB1]) + bare[1:] + b"csrc" + b"\xbe\xde\x00\x01\x10\xaa\x00\x00" + b"picture" + b"\x00\x00\x03"

    assert opener.open(memoryview(sender.session.protect(packet))) == rtp.parse(bare + b"picture")


def test_sources_are_bounded(opener):
    """One peer's new sources end somewhere; those that are known go on."""
    sender = Sender()
    packets = [sender.packet(1, ssrc=ssrc) for ssrc in range(1, MAX_SOURCES + 2)]

    assert len(opened(opener, *packets)) == MAX_SOURCES
    assert opened(opener, sender.packet(2, ssrc=1), sender.packet(2, ssrc=MAX_SOURCES + 1)) == [2]


def test_forged_sources_take_no_room(opener):
    """Only what is authentic is remembered."""
    assert opened(opener, *(memoryview(head(1, ssrc) + bytes(40)) for ssrc in range(1, 2 * MAX_SOURCES))) == []
    assert opened(opener, Sender().packet(1)) == [1]


def test_a_peer_without_gcm_is_opened_by_libsrtp():
    """To the same packets, and a replay or a forged one is refused alike."""
    key, profile = bytes(range(30)), Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
    opener = LibsrtpOpener(Session(policy).unprotect)
    packet = Sender(key, profile).packet(5)

    assert opened(opener, memoryview(head(5) + bytes(40)), packet, packet) == [5]


def test_sources_of_a_peer_without_gcm_are_bounded_too():
    """Without a bound, libsrtp keeps each for ever, and looks through all for the next."""
    key, profile = bytes(range(30)), Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    opener = LibsrtpOpener(Session(Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile)).unprotect)
    sender = Sender(key, profile)
    packets = [sender.packet(1, ssrc=ssrc) for ssrc in range(1, MAX_SOURCES + 2)]
    forged = (memoryview(head(1, ssrc) + bytes(40)) for ssrc in range(1, 2 * MAX_SOURCES))

    assert opened(opener, *forged) == []
    assert len(opened(opener, *packets)) == MAX_SOURCES
    assert opened(opener, sender.packet(2, ssrc=1), sender.packet(2, ssrc=MAX_SOURCES + 1)) == [2]


def test_sources_of_reports_are_bounded():
    """Whoever reports as one after the other is heard so often, and those that are known go on."""
    opener = RtcpOpener(Session(Policy(KEY + SALT, Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE)).unprotect_rtcp)
    sender = Sender().session

    def heard(ssrc: int) -> bool:
        """Whether an empty report of this source was taken."""
        report = struct.pack("!BBHI", 0x80, 201, 1, ssrc)
        try:
            return opener.open(memoryview(sender.protect_rtcp(report))) == report
        except ForgedError:
            return False

    assert sum(map(heard, range(1, 2 * MAX_SOURCES))) == MAX_SOURCES
    assert heard(1)
    assert not heard(2 * MAX_SOURCES)


@given(data=st.binary(max_size=80))
def test_any_bytes_are_refused_by_name(data):
    """Whatever a stranger sends from a bound address: no other error."""
    with pytest.raises((ForgedError, rtp.NotRtpError)):
        GcmOpener(key=KEY, salt=SALT).open(memoryview(data))
