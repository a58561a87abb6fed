"""SDP fragments: what a browser sends is read, what is none is refused, and what we write comes back."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import fragment
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.sdp import SdpError
from partner_agent.wire.limits import SDP_BYTES

HOST = "1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1"
TCP = "473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 ufrag EsAw network-id 1"
HIDDEN = "3 1 udp 2113937151 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 10004 typ host"
LOGIN = ["a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1"]
SECTION = ["m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0"]


def text(*lines: str) -> str:
    """A fragment of these lines."""
    return "".join(f"{line}\r\n" for line in lines)


def test_the_rfc_s_own_example_is_read():
    """Session attributes inside the section, candidates of either transport, and the end of them (RFC 9725 §4.3.2)."""
    said = fragment.parse(
        text("a=group:BUNDLE 0 1", *SECTION, *LOGIN, *(f"a=candidate:{c}" for c in (HOST, TCP)), "a=end-of-candidates")
    )

    assert said == Fragment("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", (HOST, TCP), is_last=True)


def test_session_attributes_may_come_first():
    """As npm's whip-whep writes them, and again in the section; hidden addresses are addresses too."""
    said = fragment.parse(text(*LOGIN, *SECTION, *LOGIN, f"a=candidate:{HIDDEN}"))

    assert said == Fragment("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", (HIDDEN,))


def test_candidates_alone_belong_to_the_session_of_their_tag():
    """The entity-tag has named the session already."""
    assert fragment.parse(text(*SECTION, "a=end-of-candidates")) == Fragment(is_last=True)


def test_an_empty_attribute_is_passed_over():
    """A browser that ends a generation by an empty candidate makes whip-whep write one."""
    assert fragment.parse(text(*LOGIN, *SECTION, "a=", f"a=candidate:{HOST}")).candidates == (HOST,)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["hello"],
        ["v=0", *LOGIN],
        [LOGIN[0]],
        [LOGIN[1]],
        [*LOGIN, "a=ice-ufrag:other"],
        ["a=ice-ufrag:E s", LOGIN[1]],
        ["a=ice-ufrag:EsAw", "a=ice-pwd:short"],
        [*LOGIN, "a=candidate:"],
        [*LOGIN, "a=candidate:1 1 udp 1 192.0.2.1 typ host"],
        [*LOGIN, "a=candidate:1 1 udp x 192.0.2.1 9 typ host"],
        [*LOGIN, "a=candidate:1 1 udp 1 192.0.2.1 9 is host"],
        [*LOGIN, f"a={'x' * SDP_BYTES}"],
    ],
)
def test_what_is_no_fragment_is_refused(lines: list[str]):
    """Empty, of another kind, half a login, two sessions, or a candidate that is none."""
    with pytest.raises(SdpError):
        fragment.parse(text(*lines))


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(garbage: str):
    """Nothing but SdpError comes of whatever is sent."""
    with suppress(SdpError):
        fragment.parse(garbage)


def test_what_we_write_comes_back():
    """Our answer holds the session, where we are, and that there is no more; the ICE options are the answer's."""
    mine = Fragment("abcd", "p" * 22, ("1 1 udp 1 192.0.2.9 5004 typ host",), is_last=True)
    written = fragment.write(mine, mid="video-1")

    assert fragment.parse(written) == mine
    assert "a=ice-options:trickle ice2\r\n" in written
    assert "a=mid:video-1\r\n" in written
