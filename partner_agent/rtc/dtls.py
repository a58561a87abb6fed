"""aiortc's DTLS transport, that hands media out as they came and keeps the exported keys.

Media are opened by our own openers alone, whichever way they came: what was seen before must be known in one place.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pylibsrtp
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport

from partner_agent.rtc.certificate import DtlsIdentity
from partner_agent.rtc.opening import ForgedError, GcmOpener, LibsrtpOpener, Opener, RtcpOpener

# Listed first = chosen by us when we are the server; Chromium then takes GCM, which it would not as the server.
PROFILES: Final = tuple(p for p in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80) if p in SRTP_PROFILES)
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 §4.2
SRTP_ROOM_BYTES: Final = 2_048  # pylibsrtp's own 1,500, of which it keeps 144 free, are too few for others' packets


class RawDtlsTransport(RTCDtlsTransport):
    """One DTLS connection.

    Attributes:
        profile: of SRTP, by its name; empty before the handshake.
        tx_key, tx_salt: what was exported for our packets.
        opener: for the peer's RTP.
        rtcp: the same for its RTCP.
    """

    def __init__(
        self,
        transport: RTCIceTransport,
        identity: DtlsIdentity,
        on_media: Callable[[Sequence[memoryview]], None],
    ) -> None:
        super().__init__(transport, [RTCCertificate(key=identity.key, cert=identity.certificate)])
        self._srtp_profiles = list(PROFILES)
        self._on_media = on_media
        self.profile = ""
        self.tx_key, self.tx_salt = b"", b""
        self.opener: Opener = LibsrtpOpener(_refuse)
        self.rtcp = RtcpOpener(_refuse)

    def _setup_srtp(self) -> None:
        super()._setup_srtp()
        give_room(self._tx_srtp)
        ssl: Any = self._ssl
        for profile in self._srtp_profiles:
            if profile.openssl_profile == ssl.get_selected_srtp_profile():
                exported = ssl.export_keying_material(_EXPORTER, 2 * (profile.key_length + profile.salt_length))
                is_server, length = self._role == "server", profile.key_length
                mine, theirs = (
                    profile.get_key_and_salt(exported, side) for side in (int(is_server), int(not is_server))
                )
                self.profile = profile.openssl_profile.decode()
                self.tx_key, self.tx_salt = mine[:length], mine[length:]
                if "GCM" in self.profile:
                    self.opener = GcmOpener(key=theirs[:length], salt=theirs[length:])
                else:
                    self.opener = LibsrtpOpener(self._rx_srtp.unprotect)
                self.rtcp = RtcpOpener(self._rx_srtp.unprotect_rtcp)
                unopened: Any = _Unopened()
                self._rx_srtp = unopened

    def let_go(self) -> None:
        """Tell nobody anything any more, once closed: who was told holds this, too."""
        self.remove_all_listeners()
        self._on_media = _unheard

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        del arrival_time_ms
        self._on_media([memoryview(data)])

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_media([memoryview(data)])


def give_room(session: Any) -> None:
    """Let libsrtp protect packets as long as a network carries; what it makes is copied out of this room."""
    ffi: Any = vars(pylibsrtp)["ffi"]  # cffi's own hand on libsrtp, which it does not export
    session._cdata = ffi.new("char[]", SRTP_ROOM_BYTES)
    session._buffer = ffi.buffer(session._cdata)


class _Unopened:
    """What aiortc decrypts with: everything passes as it is, for its replays and sources are known to us alone."""

    def unprotect(self, data: bytes) -> bytes:
        """Nothing is done."""
        return data

    unprotect_rtcp = unprotect


def _unheard(_: object) -> None:
    """Nobody listens any more."""


def _refuse(_: bytes) -> bytes:
    raise ForgedError("there are no keys yet")
