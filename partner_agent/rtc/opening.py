"""SRTP for what arrives: AES-GCM, and libsrtp for peers that do not offer it.

A packet is copied once out of the socket's buffer, and its header is read once. RFC 3711 §3.3 for the index that is
guessed and the replays that are refused, RFC 7714 for the form. What a packet says is kept only once it has proved
whose it is.
"""

import struct
from collections.abc import Callable
from typing import Final, Protocol

import pylibsrtp

from partner_agent.rtc import aead, rtp
from partner_agent.rtc.srtp import TAG_BYTES, IndexReusedError, UsedIndexes, nonce, session_keys

MAX_SOURCES: Final = (
    64  # of one peer: pictures, sound, retransmissions, and new numbers after each restart of its sender
)
WINDOW: Final = 1_024  # packets that may overtake one; what is repeated comes in a stream of its own
_RTP_SOURCE: Final = slice(8, 12)  # RFC 3550 §5.1
_RTCP_SOURCE: Final = slice(4, 8)  # RFC 3550 §6.1: of the compound's first packet
_LEAST_BYTES: Final = rtp.HEADER_BYTES + TAG_BYTES
_unpacked: Final = struct.Struct("!BBHII").unpack_from
_NOT_TAKEN: Final[tuple[type[Exception], ...]] = (*aead.FORGED, IndexReusedError)


class ForgedError(Exception):
    """The packet is not the peer's, or came before: drop it."""


class Opener(Protocol):
    """Decrypts the packets of one peer."""

    def open(self, data: memoryview) -> rtp.RtpPacket:
        """The packet inside one datagram; keeps nothing of `data`, which may be written over afterwards.

        Raises:
            ForgedError: not authentic, or a replay.
            rtp.NotRtpError: no RTP.
        """


class _Source:
    """One SSRC's encryption."""

    def __init__(self, key: bytes, salt: bytes, ssrc: int) -> None:
        self.decrypt = aead.cipher(key, nonce(salt, ssrc, 0)).decrypt
        self.used = UsedIndexes(window=WINDOW)

    def index(self, sequence: int) -> int:
        """The index nearest to the newest that was authentic; the first packet's is its sequence number."""
        newest = self.used.newest
        if (newest + 1) % rtp.SEQUENCES == sequence and newest >= 0:  # nearly always
            return newest + 1
        return rtp.nearest(sequence, newest) if newest >= 0 else sequence


class GcmOpener:
    """AEAD_AES_128_GCM or AEAD_AES_256_GCM, for every SSRC of one peer."""

    def __init__(self, *, key: bytes, salt: bytes) -> None:
        """With what the DTLS handshake exported for the peer's packets."""
        self._key, self._salt = session_keys(key, salt)
        self._sources: dict[int, _Source] = {}

    def open(self, data: memoryview) -> rtp.RtpPacket:
        """The packet; the tag covers header and payload."""
        whole = data.tobytes()
        if len(whole) < _LEAST_BYTES:
            raise rtp.NotRtpError("too short")
        flags, kind, sequence, timestamp, ssrc = _unpacked(whole)
        start = rtp.HEADER_BYTES if flags == rtp.PLAIN else rtp.payload_start(whole)
        if len(whole) - start < TAG_BYTES:
            raise rtp.NotRtpError("no tag")
        source = self._sources.get(ssrc)
        is_new = source is None
        if source is None:
            source = self._new(ssrc)
        index = source.index(sequence)
        if index < 0:
            raise ForgedError("before the first")
        try:
            payload = source.decrypt(index, whole[start:], whole[:start])
            source.used.use(index)
        except _NOT_TAKEN as error:
            raise ForgedError("not authentic, or not new") from error
        if is_new:
            self._sources[ssrc] = source
        if flags & rtp.PADDED:
            payload = rtp.without_padding(payload)
        return rtp.RtpPacket(kind > 127, kind & 0x7F, sequence, timestamp, ssrc, payload)

    def _new(self, ssrc: int) -> _Source:
        """Not remembered before it has proved itself; none is ever forgotten, for it could be replayed then."""
        if len(self._sources) >= MAX_SOURCES:
            raise ForgedError("too many sources")
        return _Source(self._key, self._salt, ssrc)


class _Libsrtp:
    """What libsrtp makes of a peer's packets, of `MAX_SOURCES`: it forgets none, and looks through all for one."""

    def __init__(self, unprotect: Callable[[bytes], bytes], *, source: slice) -> None:
        """`source`: where a packet names its own."""
        self._unprotect, self._source = unprotect, source
        self._sources: set[bytes] = set()

    def opened(self, data: memoryview) -> bytes:
        """The packet in the clear.

        Raises:
            ForgedError: not authentic, a replay, or of one source too many.
        """
        whole = bytes(data)
        source = whole[self._source]
        if source not in self._sources and len(self._sources) >= MAX_SOURCES:
            raise ForgedError("too many sources")
        try:
            plain = self._unprotect(whole)
        except (pylibsrtp.Error, ValueError) as error:
            raise ForgedError("not authentic, or not new") from error
        self._sources.add(source)
        return plain


class LibsrtpOpener:
    """Any profile libsrtp speaks; it keeps the rollover counter and the replay window itself."""

    def __init__(self, unprotect: Callable[[bytes], bytes]) -> None:
        self._libsrtp = _Libsrtp(unprotect, source=_RTP_SOURCE)

    def open(self, data: memoryview) -> rtp.RtpPacket:
        """The packet."""
        return rtp.parse(self._libsrtp.opened(data))


class RtcpOpener:
    """SRTCP of one peer, by libsrtp for every profile (RFC 3711 §3.4)."""

    def __init__(self, unprotect: Callable[[bytes], bytes]) -> None:
        self._libsrtp = _Libsrtp(unprotect, source=_RTCP_SOURCE)

    def open(self, data: memoryview) -> bytes:
        """The compound packet inside one datagram.

        Raises:
            ForgedError: not authentic, a replay, or of one source too many.
        """
        return self._libsrtp.opened(data)
