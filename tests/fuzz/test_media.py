"""The media plane's fuzz targets take their own seeds, and whatever else is thought of here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import checks
from tests.fuzz.media_targets import SENDER, SIGNED_CHECK, TARGETS, signed, stun_port


@pytest.mark.parametrize("name", TARGETS)
def test_good_bytes_and_their_pieces_are_taken(name: str):
    """Cut anywhere, or with any one byte turned round."""
    for seed in TARGETS[name].seeds:
        for at in range(len(seed)):
            TARGETS[name].take(seed[:at])
            TARGETS[name].take(seed[:at] + bytes([seed[at] ^ 0xFF]) + seed[at + 1 :])
        TARGETS[name].take(seed)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_taken(name: str, data: bytes):
    """Nothing but what a module declares comes out."""
    TARGETS[name].take(data)


def test_the_signed_check_gets_behind_its_integrity():
    """Else a fuzzer that begins with it reads nothing of what only a peer may say."""
    for data in (SIGNED_CHECK, signed(checks.REQUEST, SIGNED_CHECK[20:-32])):
        port = stun_port(data)
        assert port.unknown == 0
        assert port._by_address.keys() == {SENDER} or not port._by_name
    assert stun_port(SIGNED_CHECK[:-1] + b"?").unknown > 0
