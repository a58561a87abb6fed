"""Reads what Janus says of itself and of calls: whether it may be used, what passed, what describes it. Pure."""

from collections.abc import Iterable
from typing import Final

from gateway.live.engines.janus_socket import Said
from gateway.live.engines.ports import Passed, ServerRefusedError
from partner_agent.rtc import sdp
from partner_agent.wire.limits import LEASE_VALID_S

_FAILED: Final = "failed"  # libnice's word for an ICE session without an answer; Janus hangs up some seconds later


def problem_of(info: Said) -> str:
    """Why this Janus must not be used; empty if it may."""
    checks: tuple[tuple[bool, str], ...] = (
        (0 < info.get("session-timeout", 0) <= LEASE_VALID_S, f"session_timeout must be 1 to {LEASE_VALID_S:g}"),
        (not info.get("reclaim-session-timeout"), "reclaim_session_timeout must be 0"),
        (bool(info.get("ice-lite")), "ice_lite must be true"),
        (bool(info.get("ice-keepalive-conncheck")), "ice_keepalive_conncheck must be true"),
        (bool(info.get("api_secret")), "an api_secret is wanted"),
        (info.get("webrtc_encryption", True), "media must be encrypted"),
    )
    return next((said for holds, said in checks if not holds), "")


def described(said: Said) -> sdp.Call:
    """The description in an event.

    Raises:
        ServerRefusedError: there is none that can be used.
    """
    try:
        return sdp.parse(said["jsep"]["sdp"])
    except (KeyError, TypeError, sdp.SdpError) as error:
        raise ServerRefusedError(f"Janus gave no description that can be used: {error}") from error


def passed_of(info: Said, way: str) -> Passed | None:
    """What passed on a call, by the admin API's `handle_info`; None while, or when, it has no media.

    Args:
        info: its `info`.
        way: `in` of a publisher, `out` to a viewer.
    """
    try:
        webrtc = info["webrtc"]
        media: Iterable[Said] = webrtc["media"].values()
        counts = [medium["stats"][way] for medium in media]
        return Passed(
            cipher=str(webrtc["dtls"]["srtp-profile"]),
            packets=sum(int(count["packets"]) for count in counts),
            passed_bytes=sum(int(count["bytes"]) for count in counts),
            is_lost=webrtc["ice"]["state"] == _FAILED,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
