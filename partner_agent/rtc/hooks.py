"""aiortc and aioice as we use them, by their private hooks, for both ends; `expected` demands these at the start.

One `Leg` is an ICE agent on a shared UDP port and the DTLS transport above it: aiortc's own classes, without its
peer connection, whose receivers always decode. Decrypted RTP and RTCP come out raw; SRTP keys are exported again for
our own encryption. The ICE agent itself is in `ice`; it restarts as a second agent on the same port, which takes the
DTLS transport over once it has found a way (RFC 8445 §9). Written against aiortc 1.16 and aioice 0.13: pinned.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import anyio
from aioice import Candidate
from aioice.ice import Connection
from aiortc import RTCDtlsFingerprint, RTCDtlsParameters, RTCIceGatherer, RTCIceParameters
from aiortc.rtcicetransport import RTCIceTransport

from partner_agent.rtc import rtp
from partner_agent.rtc.burst import Run
from partner_agent.rtc.certificate import DtlsIdentity
from partner_agent.rtc.dtls import RawDtlsTransport
from partner_agent.rtc.ice import IceSession
from partner_agent.rtc.mux import Port
from partner_agent.rtc.opening import ForgedError
from partner_agent.rtc.srtp import GcmProtector, LibsrtpProtector, Protector
from partner_agent.wire.ids import IdSource

DtlsRole = Literal["client", "server"]


class LegFailedError(ConnectionError):
    """The peer could not be reached, or is not who the SDP said."""


class Leg:
    """One ICE and DTLS-SRTP connection on a shared port.

    Attributes:
        received_rejected: packets whose authentication failed.
    """

    def __init__(
        self,
        *,
        port: Port,
        beside: Sequence[Port] = (),
        identity: DtlsIdentity,
        ids: IdSource,
        is_controlling: bool,
        on_rtp: Callable[[list[rtp.RtpPacket]], None],
        on_rtcp: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        """`beside`: further ports of ours, in the order they are preferred; `on_rtp` gets packets that came together.

        Raises:
            PortFullError: no room for another peer.
        """
        self.received_rejected = 0
        self._protectors: dict[int, Protector] = {}
        self._ports, self._ids = (port, *beside), ids
        self._on_rtp, self._on_rtcp = on_rtp, on_rtcp
        user_fragment, password = self._credentials()
        gatherer = RTCIceGatherer(iceServers=[], local_username=user_fragment, local_password=password)
        gatherer._connection.ice_controlling = is_controlling
        self._ice = RTCIceTransport(gatherer)
        self._ice._recv, self._ice._send = self._next_datagram, self._send_datagram
        self._session = IceSession(self._ports, gatherer._connection)
        self._restarted: IceSession | None = None
        self._dtls = RawDtlsTransport(self._ice, identity, self._receive)
        self._on_closed = on_closed
        self._dtls.on("statechange", self._state_changed)

    @property
    def ice(self) -> IceSession:
        """The ICE session our SDP last spoke of: the one that runs, or the one that shall follow it."""
        return self._restarted or self._session

    @property
    def user_fragment(self) -> str:
        """What our SDP says for ICE."""
        return self.ice.user_fragment

    @property
    def password(self) -> str:
        """What our SDP says for ICE."""
        return self.ice.password

    @property
    def candidates(self) -> tuple[str, ...]:
        """Our host candidates, one for each port, as SDP writes them (RFC 8839 §5.1)."""
        return self._session.candidates

    @property
    def srtp_profile(self) -> str:
        """The negotiated profile's name; empty before the handshake."""
        return self._dtls.profile

    @property
    def is_open(self) -> bool:
        """Whether media can flow."""
        return bool(self._dtls.state == "connected")

    async def add_candidate(self, text: str) -> None:
        """Take a remote candidate, `candidate:…` without the prefix; the caller has checked its address."""
        await self.ice.connection.add_remote_candidate(Candidate.from_sdp(text))

    async def connect(self, *, user_fragment: str, password: str, fingerprint: str, role: DtlsRole) -> None:
        """Find the peer and shake hands; the caller sets the deadline.

        Args:
            user_fragment: the peer's, from its SDP.
            password: the peer's.
            fingerprint: SHA-256 of the only certificate that may answer.
            role: ours in DTLS.

        Raises:
            LegFailedError: no path, no common profile, or another certificate.
        """
        self._session.peer_fragment = user_fragment
        await self._ice.start(RTCIceParameters(usernameFragment=user_fragment, password=password))
        if self._ice.state != "completed":
            raise LegFailedError("no path to the peer")
        self._dtls._set_role(role)
        await self._dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", fingerprint)]))
        if self._dtls.state != "connected":
            raise LegFailedError("the DTLS handshake failed, or the certificate is not the announced one")
        self._session.hand(self._receive)

    def add_port(self, port: Port) -> None:
        """While `connect` looks for the peer, look from a relayed port too."""
        self._session.add(port)

    @property
    def port(self) -> Port | None:
        """The port that media leave by; None while there is no way."""
        return self._session.way[0] if self._session.way else None

    def restart(self, user_fragment: str) -> IceSession:
        """Begin another ICE session beside the one that runs; media keep their way until `follow` has found a new one.

        One that was begun before and has found no way yet ends: it is never more than two.

        Args:
            user_fragment: the peer's new one.

        Raises:
            LegFailedError: there is nothing yet to go on with.
            PortFullError: no room for another ICE agent.
        """
        if not self.is_open:
            raise LegFailedError("ICE restarts only where media flow")
        mine, password = self._credentials()
        connection = Connection(
            ice_controlling=self._session.connection.ice_controlling, local_username=mine, local_password=password
        )
        session = IceSession(self._ports, connection, peer_fragment=user_fragment)
        session.hand(self._receive)
        if self._restarted is not None:
            self._restarted.search.cancel()
        self._restarted = session
        return session

    async def follow(self, session: IceSession, password: str) -> None:
        """Find the peer anew, then go on there; the caller sets the deadline. DTLS and its keys stay (RFC 8842 §3.1).

        However this ends, one of the two sessions is closed: the former when the new one has found its way and is still
        the last that was begun, else the new one.

        Args:
            session: what `restart` returned.
            password: the peer's new one.

        Raises:
            LegFailedError: no way was found; what ran before goes on.
        """
        connection, superseded = session.connection, session
        connection.remote_username, connection.remote_password = session.peer_fragment, password
        try:
            with session.search:
                await connection.connect()
            if session.search.cancelled_caught:
                raise LegFailedError("another restart followed")
            if self._restarted is session and self.is_open:
                superseded = self._session
                # In this order, without a pause: who waits for the former's next datagram then waits for the new one's.
                self._session = session
                self._ice._connection = connection
        except ConnectionError as error:
            raise LegFailedError("no new path to the peer") from error
        finally:
            if self._restarted is session:
                self._restarted = None
            with anyio.CancelScope(shield=True):
                await superseded.close()

    def protector(self, ssrc: int) -> Protector:
        """Encryption for one SSRC that we send: the same one whenever it is asked for, so no index is used twice."""
        found = self._protectors.get(ssrc)
        if found is None:
            found = self._protectors[ssrc] = self._new_protector(ssrc)
        return found

    def _new_protector(self, ssrc: int) -> Protector:
        if "GCM" in self._dtls.profile:
            return GcmProtector.from_master(key=self._dtls.tx_key, salt=self._dtls.tx_salt, ssrc=ssrc)
        return LibsrtpProtector(self._dtls._tx_srtp.protect)

    def send(self, datagrams: list[bytes]) -> None:
        """Send protected packets to the nominated address; nothing when there is none. Never waits."""
        way = self._session.way
        if way is not None:
            way[0].sender.send(datagrams, way[1])

    def send_runs(self, sealed: bytes, runs: Sequence[Run]) -> None:
        """The same for packets that lie one behind the other in `sealed`."""
        way = self._session.way
        if way is not None:
            sender, address, whole = way[0].sender, way[1], memoryview(sealed)
            for start, end, segment_bytes in runs:
                sender.send_run(whole[start:end], segment_bytes, address)

    async def answers(self) -> bool:
        """Ask the peer by an ICE check, twice within 1.5 s; whether it proved that it reads."""
        return await self._session.answers()

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send one compound RTCP packet."""
        if self.is_open:
            self.send([self._dtls._tx_srtp.protect_rtcp(data)])

    async def close(self) -> None:
        """Say goodbye and leave the port. Awaits several tasks: stop forwarding before calling."""
        self._session.hand(None)
        restarted, self._restarted = self._restarted, None
        try:
            if restarted is not None:
                await restarted.close()
            await self._dtls.stop()
            await self._ice.stop()
        finally:  # whatever went wrong, or took too long: nobody will try again
            if restarted is not None:
                restarted.leave()
            self._session.leave()
            self._let_go()

    def _let_go(self) -> None:
        """Cut what holds a closed leg together: it is gone at once, with its keys, and waits for no collector."""
        self._on_rtp, self._on_rtcp, self._on_closed = _unheard, _unheard, _nothing
        self._dtls.let_go()
        self._ice._recv, self._ice._send = _read_closed, _write_closed

    def _credentials(self) -> tuple[str, str]:
        return self._ids.secret(8).hex(), self._ids.secret(16).hex()

    async def _next_datagram(self) -> bytes:
        """What the DTLS transport reads: of the ICE session that runs, and of the next when that one has been followed.

        Raises:
            ConnectionError: the session is over, and no other has followed it.
        """
        while True:
            connection = self._session.connection
            try:
                return await connection.recv()
            except ConnectionError:
                if self._session.connection is connection:
                    raise

    async def _send_datagram(self, data: bytes) -> None:
        """What the DTLS transport writes."""
        await self._session.connection.send(data)

    def _state_changed(self) -> None:
        """The peer said goodbye, or its consent ran out (RFC 7675): told once."""
        if self._dtls.state == "closed":
            told, self._on_closed = self._on_closed, _nothing
            told()

    def _receive(self, datagrams: Sequence[memoryview]) -> None:
        """The short way for media: port to decryption without aiortc's queue and task."""
        packets: list[rtp.RtpPacket] = []
        take = self._dtls.opener.open
        for data in datagrams:
            try:
                if rtp.is_rtcp(data):
                    self._on_rtcp(self._dtls.rtcp.open(data))
                else:
                    packets.append(take(data))
            except ForgedError:
                self.received_rejected += 1
            except rtp.NotRtpError:
                continue
        if packets:
            self._on_rtp(packets)


def _nothing() -> None:
    """Nobody listens any more."""


def _unheard(_: object) -> None:
    """The same, of what came."""


async def _read_closed() -> bytes:
    """What the DTLS transport's reading ends in once its leg is closed."""
    raise ConnectionError("closed")


async def _write_closed(data: bytes) -> None:
    """The same, of its writing."""
    del data
    raise ConnectionError("closed")
