"""SDP fragments of trickle ICE: candidates that were found later, or an ICE restart (RFC 8840 §9, RFC 9725 §4.3).

Reads what a peer says and writes what we answer. A fragment speaks of one ICE session, ours being one bundle. As in an
offer, candidates are read for their form only; no address in them is ever dialled.
"""

import re
from dataclasses import dataclass
from typing import Final

from partner_agent.rtc.sdp import ICE_NAME, ICE_OPTIONS, ICE_PASSWORD, SdpError
from partner_agent.wire.limits import SDP_BYTES

MEDIA_TYPE: Final = "application/trickle-ice-sdpfrag"
_LINE: Final = re.compile(r"[am]=.*")  # an empty one is how some clients write the end of a generation of candidates
# RFC 8839 §5.1: foundation, component, transport, priority, address, port, type; what follows are extensions.
_CANDIDATE: Final = re.compile(r"[A-Za-z0-9+/]{1,32} [0-9]{1,3} [!-~]+ [0-9]{1,10} [!-~]+ [0-9]{1,5} typ [!-~]+( .*)?")
_VIDEO: Final = "m=video 9 UDP/TLS/RTP/SAVPF 0"  # RFC 8840 §9.1: a pseudo m= line, which says nothing


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one end says of an ICE session.

    Attributes:
        user_fragment, password: the session's; empty when the fragment leaves them out.
        candidates: where the end may be reached, as written.
        is_last: whether no further candidates will come.
    """

    user_fragment: str = ""
    password: str = ""
    candidates: tuple[str, ...] = ()
    is_last: bool = False


def parse(text: str) -> Fragment:
    """Read a fragment.

    Raises:
        SdpError: too long, no fragment, a candidate that is none, or more than one ICE session.
    """
    if len(text.encode()) > SDP_BYTES:
        raise SdpError("the fragment is longer than 16 kB")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not all(map(_LINE.fullmatch, lines)):
        raise SdpError("this is no fragment")
    candidates = _values(lines, "candidate")
    if not all(map(_CANDIDATE.fullmatch, candidates)):
        raise SdpError("a candidate cannot be read")
    user_fragment, password = _one(lines, "ice-ufrag", ICE_NAME), _one(lines, "ice-pwd", ICE_PASSWORD)
    if bool(user_fragment) != bool(password):
        raise SdpError("ice-ufrag and ice-pwd come together")
    return Fragment(user_fragment, password, tuple(candidates), "a=end-of-candidates" in lines)


def write(fragment: Fragment, *, mid: str) -> str:
    """Our answer to an ICE restart: all our candidates at once."""
    lines = [
        ICE_OPTIONS,
        f"a=group:BUNDLE {mid}",
        _VIDEO,
        f"a=mid:{mid}",
        f"a=ice-ufrag:{fragment.user_fragment}",
        f"a=ice-pwd:{fragment.password}",
        *(f"a=candidate:{candidate}" for candidate in fragment.candidates),
        "a=end-of-candidates",
    ]
    return "\r\n".join([*lines, ""])


def _values(lines: list[str], name: str) -> list[str]:
    prefix = f"a={name}:"
    return [line[len(prefix) :] for line in lines if line.startswith(prefix)]


def _one(lines: list[str], name: str, form: re.Pattern[str]) -> str:
    """The value of an attribute that must be the same wherever it stands; empty where it stands nowhere."""
    values = set(_values(lines, name))
    if len(values) > 1 or not all(map(form.fullmatch, values)):
        raise SdpError(f"one usable {name} is wanted")
    return values.pop() if values else ""
