"""Two ends over loopback: addresses are bound by proof only, certificates are the announced ones."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from aioice import stun

from partner_agent.rtc import certificate, checks, fanout, mux, rtcp, rtp
from partner_agent.rtc.hooks import IceSession, LegFailedError
from partner_agent.rtc.mux import PortFullError, UdpPort
from partner_agent.rtc.srtp import LibsrtpProtector
from tests.support.legs import NOW, ONE, TWO, End
from tests.support.processes import ROOT
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def two_ends() -> AsyncIterator[tuple[End, End]]:
    """A caller and a called, not yet connected."""
    ports = [await UdpPort.open("127.0.0.1") for _ in range(2)]
    ends = End(ports[0], ONE, is_controlling=True), End(ports[1], TWO, is_controlling=False)
    try:
        yield ends
    finally:
        for end in ends:
            await end.leg.close()
            end.port.close()


async def meet(one: End, two: End) -> None:
    """Connect both."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.connect, two)
        tasks.start_soon(two.connect, one)


async def test_media_and_reports_pass_both_ways_under_gcm():
    """Packets we encrypt ourselves arrive, and so does RTCP through libsrtp."""
    async with two_ends() as (one, two):
        await meet(one, two)
        protect = one.leg.protector(7).protect

        head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)
        one.leg.send([protect(head, b"picture", 5)])
        two.leg.send_rtcp(rtcp.key_frame_request(1, 7))

        await until(lambda: two.rtp)
        await until(lambda: one.rtcp)
        assert two.rtp == [rtp.parse(head + b"picture")]
        assert rtcp.read(one.rtcp[0]).wants_key_frame
        assert one.leg.srtp_profile == two.leg.srtp_profile == "SRTP_AEAD_AES_128_GCM"


async def test_another_certificate_is_refused():
    """The handshake must show the certificate the SDP announced."""
    async with two_ends() as (one, two), anyio.create_task_group() as tasks:
        tasks.start_soon(one.connect, two)
        with pytest.raises(LegFailedError):
            await two.connect(one, fingerprint=certificate.generate(NOW).fingerprint)
        tasks.cancel_scope.cancel()


async def test_altered_packets_are_counted_and_dropped():
    """A packet whose authentication fails reaches nobody."""
    async with two_ends() as (one, two):
        await meet(one, two)
        packet = bytearray(
            one.leg.protector(7).protect(
                rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7), b"picture", 5
            )
        )
        packet[-1] ^= 1

        one.leg.send([bytes(packet)])

        await until(lambda: two.leg.received_rejected)
        assert two.rtp == []


async def test_closing_is_noticed_and_frees_the_port():
    """The other end is told by DTLS; its place, and the addresses bound to it, are forgotten."""
    async with two_ends() as (one, two):
        await meet(one, two)

        await one.leg.close()

        await until(lambda: two.closed)
        await two.leg.close()
        assert two.port._by_address == {}
        assert two.port._by_name == {}
        assert two.closed == 1


async def test_a_goodbye_that_fails_leaves_the_port_all_the_same(monkeypatch: pytest.MonkeyPatch):
    """Nobody would close it again: it would hold its place and its keys as long as the program runs."""

    async def fails() -> None:
        raise ValueError("unforeseen")

    async with two_ends() as (one, two):
        await meet(one, two)
        name = two.leg.user_fragment
        assert name in two.port._by_name
        monkeypatch.setattr(two.leg._dtls, "stop", fails)

        with pytest.raises(ValueError, match="unforeseen"):
            await two.leg.close()

        assert name not in two.port._by_name
        assert not two.port._by_address
        monkeypatch.undo()


async def test_a_closed_leg_is_gone_at_once_with_its_keys():
    """Nothing of it waits for the collector: a relay that is joined and left all day would hold hundreds of them."""
    ran = await anyio.run_process([sys.executable, "-m", "tests.support.closed_legs"], cwd=ROOT)
    assert ran.stdout.decode().strip() == "nothing"


async def test_an_address_is_bound_by_proof_only():
    """A check with the right name and a wrong password binds nothing, and neither does media out of the blue."""
    async with two_ends() as (_, two):
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{two.leg.user_fragment}:x"
        request.add_message_integrity(b"wrong")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(bytes(request), two.port.address)
            stranger.sendto(b"\x80" + b"\x00" * 40, two.port.address)
            stranger.sendto(b"\x00\x01garbage", two.port.address)
            await until(lambda: two.port.unknown == 3)

        assert two.port._by_address == {}


async def test_a_check_repeated_from_elsewhere_takes_the_way_in_use_from_nobody():
    """Whoever sees one may send it again from as many ports as they like: pictures go on arriving by their way."""
    async with two_ends() as (one, two):
        await meet(one, two)
        await until(lambda: one.leg._session._peer)
        peer = one.leg._session._peer
        assert peer is not None
        seen = checks.request(bytes(12), peer)

        for number in range(2 * mux.MAX_ADDRESSES):
            two.port.datagram_received(seen, ("192.0.2.7", 1024 + number))

        assert len(two.leg._session.routes[0].addresses) == mux.MAX_ADDRESSES
        assert two.port._by_address[one.port.address] is two.leg._session.routes[0]
        await picture(one, two, 5)


async def test_a_peer_of_many_addresses_is_looked_at_on_so_many_ways(monkeypatch: pytest.MonkeyPatch):
    """Each is asked, kept and sorted; beyond the bound new ones are nobody's, and the way that was found goes on."""
    monkeypatch.setattr(mux, "MAX_WAYS", 5)
    async with two_ends() as (one, two):
        await meet(one, two)
        await until(lambda: one.leg._session._peer)
        peer = one.leg._session._peer
        assert peer is not None

        for number in range(20):
            two.port.datagram_received(checks.request(bytes(12), peer), ("192.0.2.7", 1024 + number))

        assert len(two.leg._session.connection._remote_candidates) == 5
        assert two.port.unknown == 20 - 4
        assert await one.leg.answers()
        await picture(one, two, 5)


async def test_a_check_without_a_priority_opens_no_way():
    """Signed by the peer, and still of no use: from a new address it is nobody's, from a known one it is answered."""
    async with two_ends() as (one, two):
        await meet(one, two)
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{two.leg.user_fragment}:{one.leg.user_fragment}"
        request.add_message_integrity(two.leg.password.encode())

        two.port.datagram_received(bytes(request), ("192.0.2.7", 1024))
        two.port.datagram_received(bytes(request), one.port.address)

        assert (two.port.unknown, two.port.failed) == (1, 0)


async def test_what_comes_before_a_way_is_found_waits_in_bounds():
    """One authentic check binds an address; what is sent from there is read by nobody until the way is agreed on."""
    async with two_ends() as (one, two):
        connection = two.leg.ice.connection
        route = two.port._by_name[connection.local_username]
        two.port._bind(route, one.port.address)

        for _ in range(3 * mux.MAX_WAITING):
            two.port.datagram_received(b"\x16" + bytes(1_000), one.port.address)

        assert connection._queue.qsize() == mux.MAX_WAITING
        assert two.port.overrun == 2 * mux.MAX_WAITING


async def test_a_full_port_says_so(monkeypatch: pytest.MonkeyPatch):
    """Beyond its bound the port takes no further peer."""
    monkeypatch.setattr(mux, "MAX_PEERS", 1)
    port = await UdpPort.open("127.0.0.1")
    first = End(port, ONE, is_controlling=False)

    with pytest.raises(PortFullError):
        End(port, ONE, is_controlling=False)
    await first.leg.close()
    port.close()


async def test_a_peer_without_gcm_is_served_by_libsrtp(monkeypatch: pytest.MonkeyPatch):
    """Where only AES-CM is offered, the same packets pass."""
    async with two_ends() as (one, two):
        plain = [profile for profile in one.leg._dtls._srtp_profiles if b"GCM" not in profile.openssl_profile]
        monkeypatch.setattr(one.leg._dtls, "_srtp_profiles", plain)
        await meet(one, two)
        protector = two.leg.protector(7)

        head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)
        two.leg.send([protector.protect(head, b"picture", 5)])

        assert isinstance(protector, LibsrtpProtector)
        assert two.leg.protector(7) is protector  # asked for again: the same, with the indexes it has used
        await until(lambda: one.rtp)
        assert one.rtp == [rtp.parse(head + b"picture")]


async def test_a_peer_without_gcm_gets_packets_of_other_makers_lengths(monkeypatch: pytest.MonkeyPatch):
    """GStreamer's have 1,400 bytes, pylibsrtp's own room takes 1,356; and none that a relay takes is too long."""
    async with two_ends() as (one, two):
        plain = [profile for profile in one.leg._dtls._srtp_profiles if b"GCM" not in profile.openssl_profile]
        monkeypatch.setattr(one.leg._dtls, "_srtp_profiles", plain)
        await meet(one, two)
        head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)

        two.leg.send([two.leg.protector(7).protect(head, bytes(1_388), 5)])

        await until(lambda: one.rtp)
        assert len(one.rtp[0].payload) == 1_388
        assert two.leg.protector(7).protect(head, bytes(2 + fanout.PAYLOAD_BYTES), 6)  # as a retransmission


def test_a_relay_keeps_its_certificate(tmp_path: Path):
    """The fingerprint in the key set stays true over restarts, and the key is nobody else's to read."""
    path = tmp_path / "keys" / "relay.pem"

    first = certificate.load_or_generate(path, NOW)

    assert certificate.load_or_generate(path, NOW).fingerprint == first.fingerprint
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(first.fingerprint) == 95


async def test_the_port_is_bound_where_it_was_told_and_nowhere_else():
    """One socket, on loopback; no candidate of any other address."""
    async with two_ends() as (one, _):
        assert one.port.address[0] == "127.0.0.1"
        assert " 127.0.0.1 " in one.leg.candidates[0]


async def restarted(one: End, two: End) -> None:
    """Both ends restart ICE and meet anew; the controlling one is told where to look."""
    here, there = one.leg.restart("later"), two.leg.restart("later")
    here.peer_fragment, there.peer_fragment = there.user_fragment, here.user_fragment
    await one.leg.add_candidate(two.leg.candidates[0])
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.leg.follow, here, there.password)
            tasks.start_soon(two.leg.follow, there, here.password)


async def picture(one: End, two: End, number: int) -> None:
    """One packet from here to there."""
    head = rtp.header(is_last=True, payload_type=96, sequence=number, timestamp=6, ssrc=7)
    one.leg.send([one.leg.protector(7).protect(head, b"picture", number)])
    await until(lambda: rtp.parse(head + b"picture") in two.rtp)


async def test_ice_restarts_and_everything_goes_on():
    """New credentials, the same keys and numbers; media, reports and the goodbye find their way, and nobody stays."""
    async with two_ends() as (one, two):
        await meet(one, two)
        await picture(one, two, 5)
        before = one.leg.user_fragment, two.leg.user_fragment

        await restarted(one, two)

        assert one.leg.user_fragment != before[0]
        assert two.leg.user_fragment != before[1]
        assert [len(end.port._by_name) for end in (one, two)] == [1, 1]
        await picture(one, two, 6)
        two.leg.send_rtcp(rtcp.key_frame_request(1, 7))
        await until(lambda: one.rtcp)
        await restarted(one, two)
        await picture(one, two, 7)
        assert one.closed == two.closed == 0
        await one.leg.close()
        await until(lambda: two.closed)


async def test_media_pass_while_ice_restarts():
    """Until the new way is found the former carries them; who asks for a restart and vanishes leaves all as it was."""
    async with two_ends() as (one, two):
        await meet(one, two)
        session = two.leg.restart("nobody")
        with anyio.move_on_after(0.5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(two.leg.follow, session, "p" * 22)
                await anyio.sleep(0.1)
                await picture(one, two, 5)

        assert len(two.port._by_name) == 1
        await picture(one, two, 6)
        assert two.closed == 0


async def test_a_later_restart_takes_the_place_of_an_earlier_one():
    """Only the last one that was asked for is followed."""
    async with two_ends() as (one, two):
        await meet(one, two)
        first = two.leg.restart("nobody")
        second = two.leg.restart("somebody")

        assert two.leg.ice is second
        assert two.leg.user_fragment == second.user_fragment != first.user_fragment
        await first.close()
        await two.leg.close()
        assert two.port._by_name == {}


async def test_a_restart_ends_the_one_that_is_still_looking_for_a_way():
    """At once, not when its time is over: however often a peer restarts, there are two ICE agents at most."""
    async with two_ends() as (one, two):
        await meet(one, two)
        ended: list[str] = []

        async def follow(session: IceSession) -> None:
            with pytest.raises(LegFailedError):
                await two.leg.follow(session, "p" * 22)
            ended.append(session.user_fragment)

        async with anyio.create_task_group() as tasks:
            first = two.leg.restart("nobody")
            tasks.start_soon(follow, first)
            await anyio.wait_all_tasks_blocked()
            second = two.leg.restart("somebody")
            await until(lambda: ended == [first.user_fragment])

            assert set(two.port._by_name) == {two.leg._session.user_fragment, second.user_fragment}
            tasks.cancel_scope.cancel()
        await picture(one, two, 5)


async def test_nothing_restarts_before_it_has_begun():
    """There is no DTLS yet that could go on."""
    async with two_ends() as (one, _):
        with pytest.raises(LegFailedError):
            one.leg.restart("later")


async def test_pictures_that_overtake_the_end_of_the_handshake_come_once():
    """They take the slow way; a copy of them by the short way is a replay."""
    async with two_ends() as (one, two):
        await meet(one, two)
        head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)
        datagram = one.leg.protector(7).protect(head, b"picture", 5)
        media, two.leg._session.routes[0].on_media = two.leg._session.routes[0].on_media, None
        one.leg.send([datagram])
        await until(lambda: two.rtp)

        two.leg._session.routes[0].on_media = media
        one.leg.send([datagram])

        await until(lambda: two.leg.received_rejected)
        assert two.rtp == [rtp.parse(head + b"picture")]


async def test_a_forged_packet_among_others_takes_none_of_them_along():
    """What came together is opened one by one."""
    async with two_ends() as (one, two):
        await meet(one, two)
        heads = [rtp.header(is_last=True, payload_type=96, sequence=n, timestamp=6, ssrc=7) for n in range(3)]
        sent = [one.leg.protector(7).protect(head, b"picture", n) for n, head in enumerate(heads)]

        one.leg.send([sent[0], sent[1][:-1] + b"?", sent[2]])

        await until(lambda: two.leg.received_rejected)
        await until(lambda: len(two.rtp) == 2)
        assert [packet.sequence for packet in two.rtp] == [0, 2]
