"""Every private hook of aiortc and aioice that we use, for both ends, with a start-up check that they still exist.

One `Leg` is an ICE agent on a shared UDP port and the DTLS transport above it: aiortc's own classes, without its
peer connection, whose receivers always decode. Decrypted RTP and RTCP come out raw; SRTP keys are exported again for
our own encryption. Written against aiortc 1.16 and aioice 0.13, which are pinned.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal

import pylibsrtp
from aioice import Candidate
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCIceGatherer, RTCIceParameters
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport

from partner_agent.rtc import rtp
from partner_agent.rtc.certificate import DtlsIdentity
from partner_agent.rtc.mux import Route, UdpPort
from partner_agent.rtc.srtp import GcmProtector, LibsrtpProtector, Protector
from partner_agent.wire.ids import IdSource

DtlsRole = Literal["client", "server"]
# Listed first = chosen by us when we are the server; Chromium then takes GCM, which it would not as the server.
_PROFILES: Final = tuple(p for p in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80) if p in SRTP_PROFILES)
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 §4.2
_COMPONENT: Final = 1


class HooksMovedError(RuntimeError):
    """aiortc or aioice no longer looks as this module expects; install the pinned versions."""


class LegFailedError(ConnectionError):
    """The peer could not be reached, or is not who the SDP said."""


def check_hooks() -> None:
    """Demand every hook used here; run before the first leg.

    Raises:
        HooksMovedError: naming the first that is gone.
    """
    connection = Connection(ice_controlling=False)
    made: list[tuple[str, object, tuple[str, ...]]] = [
        (
            "aioice Connection",
            connection,
            ("_protocols", "_local_candidates", "_local_candidates_start", "_local_candidates_end", "_nominated"),
        ),
        ("aioice StunProtocol", StunProtocol, ("connection_made", "connection_lost", "datagram_received")),
        (
            "aiortc RTCDtlsTransport",
            RTCDtlsTransport,
            ("_setup_srtp", "_handle_rtp_data", "_handle_rtcp_data", "_send_rtp", "_set_role"),
        ),
    ]
    for name, owner, hooks in made:
        for hook in hooks:
            if not hasattr(owner, hook):
                raise HooksMovedError(f"{name} has no {hook}")
    source = inspect.getsource(RTCDtlsTransport)
    for used in ("self._srtp_profiles", "self._rx_srtp", "self._tx_srtp", "self._role", "await self._handle_rtp_data("):
        if used not in source:
            raise HooksMovedError(f"RTCDtlsTransport no longer uses {used}")
    if not _PROFILES:
        raise HooksMovedError("libsrtp offers no profile we know")


class _RawDtlsTransport(RTCDtlsTransport):
    """aiortc's DTLS transport that hands media out as bytes and keeps the exported keys."""

    def __init__(
        self,
        transport: RTCIceTransport,
        identity: DtlsIdentity,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
    ) -> None:
        super().__init__(transport, [RTCCertificate(key=identity.key, cert=identity.certificate)])
        self._srtp_profiles = list(_PROFILES)
        self._on_rtp, self._on_rtcp = on_rtp, on_rtcp
        self.profile = ""
        self.tx_key, self.tx_salt = b"", b""

    def _setup_srtp(self) -> None:
        super()._setup_srtp()
        ssl: Any = self._ssl
        for profile in self._srtp_profiles:
            if profile.openssl_profile == ssl.get_selected_srtp_profile():
                exported = ssl.export_keying_material(_EXPORTER, 2 * (profile.key_length + profile.salt_length))
                mine = profile.get_key_and_salt(exported, 1 if self._role == "server" else 0)
                self.profile = profile.openssl_profile.decode()
                self.tx_key, self.tx_salt = mine[: profile.key_length], mine[profile.key_length :]

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        del arrival_time_ms
        self._on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_rtcp(data)


class Leg:
    """One ICE and DTLS-SRTP connection on a shared port.

    Attributes:
        user_fragment, password: what our SDP says for ICE.
        received_rejected: packets whose authentication failed.
    """

    def __init__(
        self,
        *,
        port: UdpPort,
        identity: DtlsIdentity,
        ids: IdSource,
        is_controlling: bool,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        self.user_fragment, self.password = ids.secret(8).hex(), ids.secret(16).hex()
        self.received_rejected = 0
        self._protectors: dict[int, Protector] = {}
        self._port = port
        self._on_rtp, self._on_rtcp = on_rtp, on_rtcp
        gatherer = RTCIceGatherer(iceServers=[], local_username=self.user_fragment, local_password=self.password)
        self._connection: Connection = gatherer._connection
        self._connection.ice_controlling = is_controlling
        self._ice = RTCIceTransport(gatherer)
        self._dtls = _RawDtlsTransport(self._ice, identity, on_rtp, on_rtcp)
        self._on_closed = on_closed
        self._dtls.on("statechange", self._state_changed)
        self._route: Route = port.join(self._connection)
        self._listen()

    @property
    def candidate(self) -> str:
        """Our one host candidate as SDP writes it (RFC 8839 §5.1)."""
        return str(self._route.protocol.local_candidate.to_sdp())

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
        await self._connection.add_remote_candidate(Candidate.from_sdp(text))

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
        await self._ice.start(RTCIceParameters(usernameFragment=user_fragment, password=password))
        if self._ice.state != "completed":
            raise LegFailedError("no path to the peer")
        self._dtls._set_role(role)
        await self._dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", fingerprint)]))
        if self._dtls.state != "connected":
            raise LegFailedError("the DTLS handshake failed, or the certificate is not the announced one")
        self._route.on_media = self._receive

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
        pair = self._connection._nominated.get(_COMPONENT)
        if pair is not None:
            self._port.sender.send(datagrams, pair.remote_addr)

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send one compound RTCP packet."""
        if self.is_open:
            self.send([self._dtls._tx_srtp.protect_rtcp(data)])

    async def close(self) -> None:
        """Say goodbye and leave the port. Awaits several tasks: stop forwarding before calling."""
        self._route.on_media = None
        await self._dtls.stop()
        await self._ice.stop()
        self._route.close()

    def _listen(self) -> None:
        """Give ICE the shared port as its only host candidate: nothing is bound, nothing is gathered."""
        host, number = self._port.address
        protocol = self._route.protocol
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=_COMPONENT,
            transport="udp",
            priority=candidate_priority(_COMPONENT, "host"),
            host=host,
            port=number,
            type="host",
        )
        self._connection._protocols.append(protocol)
        self._connection._local_candidates.append(protocol.local_candidate)
        self._connection._local_candidates_start = True
        self._connection._local_candidates_end = True

    def _state_changed(self) -> None:
        """The peer said goodbye, or its consent ran out (RFC 7675): told once."""
        if self._dtls.state == "closed":
            told, self._on_closed = self._on_closed, _nothing
            told()

    def _receive(self, data: bytes) -> None:
        """The short way for media: port to decryption without aiortc's queue and task."""
        try:
            if rtp.is_rtcp(data):
                self._on_rtcp(self._dtls._rx_srtp.unprotect_rtcp(data))
            else:
                self._on_rtp(self._dtls._rx_srtp.unprotect(data))
        except pylibsrtp.Error:
            self.received_rejected += 1


def _nothing() -> None:
    """Nobody listens any more."""
