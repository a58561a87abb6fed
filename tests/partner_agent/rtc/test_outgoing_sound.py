"""One uplink's sound: numbered, by the relay's names, on the clock of the pictures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from partner_agent.rtc import outgoing_sound, rtcp, rtp
from partner_agent.rtc.outgoing_sound import OutgoingSound
from partner_agent.rtc.sdp_sound import OFFERED, Codec, Sound
from partner_agent.rtc.units import SoundUnit
from tests.fakes.protector import PlainProtector

NOW, AT = 100.0, datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
UNIT = SoundUnit(b"s" * 160, Codec.PCMU, 0, True, AT)
TAKEN = Sound(((Codec.PCMU, 70),), direction="recvonly")


def sound() -> OutgoingSound:
    """As SSRC 9."""
    return OutgoingSound(ssrc=9, protector=PlainProtector(), taken=TAKEN)


def sent(uplink: OutgoingSound, unit: SoundUnit, now: float = NOW) -> rtp.RtpPacket:
    """The one packet of a unit."""
    (datagram,) = uplink.datagrams(unit, now)
    return rtp.parse(datagram)


def test_a_unit_is_a_packet_by_the_relay_s_name():
    """The payload is untouched; the marker begins what follows a silence, and only that."""
    uplink = sound()

    first, second = sent(uplink, UNIT), sent(uplink, replace(UNIT, ticks=160, is_first=False))

    assert (first.payload, first.payload_type, first.ssrc) == (UNIT.data, 70, 9)
    assert (first.is_last, second.is_last) == (True, False)
    assert (second.sequence - first.sequence, (second.timestamp - first.timestamp) % (1 << 32)) == (1, 160)


def test_a_codec_the_relay_does_not_take_is_not_sent():
    """Nor is anything where it takes no sound at all, or wants to send some."""
    assert sound().datagrams(replace(UNIT, codec=Codec.OPUS), NOW) == []
    offered = Sound(OFFERED, ssrc=9)
    protector = PlainProtector()
    assert outgoing_sound.agreed(offered, None, lambda _: protector) is None
    assert outgoing_sound.agreed(None, TAKEN, lambda _: protector) is None
    assert outgoing_sound.agreed(offered, replace(TAKEN, direction="sendonly"), lambda _: protector) is None
    assert outgoing_sound.agreed(offered, TAKEN, lambda _: protector) is not None


def test_after_a_silence_time_has_passed_by_as_much():
    """Another connection to the camera begins its ticks anew; the stream does not."""
    uplink = sound()
    before = sent(uplink, replace(UNIT, ticks=5_000))

    after = sent(uplink, replace(UNIT, ticks=40), NOW + 2)

    assert (after.timestamp - before.timestamp) % (1 << 32) == 16_000
    assert after.sequence == before.sequence + 1


def test_a_report_binds_the_agent_s_clock_to_the_moment_of_the_sound():
    """Heard half a second ago: now is half a second of ticks later; the first at once, then once a second."""
    uplink = sound()
    packet = sent(uplink, UNIT)
    heard = replace(UNIT, captured_at=AT - timedelta(seconds=0.5))

    data = uplink.report(heard, at=AT, now=NOW)

    assert data is not None
    said = rtcp.read(data).sender
    assert said is not None
    assert (said.ssrc, said.ntp, said.packets, said.octets) == (9, rtcp.ntp_of(AT), 1, 160)
    assert (said.timestamp - packet.timestamp) % (1 << 32) == 4_000
    assert uplink.report(heard, at=AT, now=NOW + 0.5) is None
    assert uplink.report(heard, at=AT, now=NOW + 1) is not None
