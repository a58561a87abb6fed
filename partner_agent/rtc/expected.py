"""What this package uses of aiortc, aioice and what they stand on, most of it private: demanded before the first leg.

The versions are pinned; who installs others is told at the start what is gone, and not by a view that never begins.
`ice` and `turn` list what they use, the rest is here. That a name is there is all that is looked at, and of what we
replace that its library still calls it.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import pylibsrtp
from aioice import Candidate, stun
from aioice.ice import CandidatePair, Connection, StunProtocol
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol
from aiortc import RTCIceGatherer
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL

from partner_agent.rtc import ice, turn
from partner_agent.rtc.dtls import PROFILES


class HooksMovedError(RuntimeError):
    """A library no longer looks as this package expects; install the pinned versions."""


class Expected(NamedTuple):
    """Names that something has.

    Attributes:
        make: it, made as we make it: some names are there once it is made, and not before.
    """

    name: str
    make: Callable[[], object]
    hooks: tuple[str, ...]


def _candidate() -> Candidate:
    return Candidate.from_sdp("1 1 udp 1 127.0.0.1 9 typ host")


def _gatherer() -> RTCIceGatherer:
    return RTCIceGatherer(iceServers=[], local_username="u" * 16, local_password="p" * 32)


EXPECTED: Final = (
    Expected(
        "aioice Connection",
        lambda: Connection(ice_controlling=False, local_username="u" * 16, local_password="p" * 32),
        ice.HOOKS,
    ),
    Expected(
        "aioice CandidatePair", lambda: CandidatePair(cast("Any", None), _candidate()), ("protocol", "remote_addr")
    ),
    Expected("aioice Candidate", _candidate, ("host", "port", "to_sdp")),
    Expected(
        "aioice StunProtocol",
        lambda: StunProtocol,
        ("connection_made", "connection_lost", "datagram_received", "request"),
    ),
    Expected("aioice stun", lambda: stun, ("Class", "Method", "Message", "TransactionError", "parse_message")),
    Expected("aioice stun.Message", lambda: stun.Message, ("check_message_integrity",)),
    Expected("aioice TurnClientUdpProtocol", lambda: TurnClientUdpProtocol(*turn.EXAMPLE), turn.HOOKS),
    Expected("aioice TurnClientTcpProtocol", lambda: TurnClientTcpProtocol(*turn.EXAMPLE), turn.HOOKS),
    Expected("aiortc RTCIceGatherer", _gatherer, ("_connection",)),
    Expected(
        "aiortc RTCIceTransport",
        lambda: RTCIceTransport(_gatherer()),
        ("_connection", "_recv", "_send", "start", "state", "stop"),
    ),
    Expected(
        "aiortc RTCDtlsTransport",
        lambda: RTCDtlsTransport,
        (
            *("_setup_srtp", "_handle_rtp_data", "_handle_rtcp_data", "_set_role"),
            *("start", "state", "stop", "on", "remove_all_listeners"),
        ),
    ),
    Expected(
        "aiortc SRTPProtectionProfile",
        lambda: SRTP_AEAD_AES_128_GCM,
        ("openssl_profile", "key_length", "salt_length", "get_key_and_salt"),
    ),
    Expected("pyOpenSSL Connection", lambda: SSL.Connection, ("get_selected_srtp_profile", "export_keying_material")),
    Expected("pylibsrtp", lambda: pylibsrtp, ("ffi",)),
    Expected(
        "pylibsrtp Session",
        pylibsrtp.Session,
        ("_cdata", "_buffer", "protect", "protect_rtcp", "unprotect", "unprotect_rtcp"),
    ),
)
# What is replaced, or read at the right moment, only while the library still uses it so.
USED: Final[tuple[tuple[type, str], ...]] = (
    (Connection, "self.query_consent()"),
    *(
        (RTCDtlsTransport, words)
        for words in (
            "self._srtp_profiles",
            "self._rx_srtp.unprotect(",
            "self._rx_srtp.unprotect_rtcp(",
            "self._tx_srtp",
            "self._role",
            "self._ssl = SSL.Connection(",
            "self._setup_srtp()",
            'self.emit("statechange")',
            "await self._handle_rtp_data(",
            "await self._handle_rtcp_data(",
            "await self.transport._recv()",
            "await self.transport._send(",
        )
    ),
)


@functools.cache
def _source(user: type) -> str:
    return inspect.getsource(user)


def check_hooks() -> None:
    """Demand all of it; run before the first leg.

    Raises:
        HooksMovedError: naming the first that is gone.
    """
    for name, make, hooks in EXPECTED:
        try:
            owner = make()
        except (AttributeError, TypeError, ValueError) as error:
            raise HooksMovedError(f"{name} is not made as it was: {error}") from error
        for hook in hooks:
            if not hasattr(owner, hook):
                raise HooksMovedError(f"{name} has no {hook}")
    for user, words in USED:
        if words not in _source(user):
            raise HooksMovedError(f"{user.__name__} no longer says {words}")
    if not PROFILES:
        raise HooksMovedError("libsrtp offers no profile we know")
