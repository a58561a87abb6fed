"""SRTP against the vectors of its RFCs, and against libsrtp."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from partner_agent.rtc import rtp, srtp

SSRC = 0x5501A0B2


def test_key_derivation_vector():
    """RFC 3711 appendix B.3."""
    key, salt = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"), bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")

    assert srtp.derive(key, salt, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert srtp.derive(key, salt, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"


def test_gcm_vector():
    """RFC 7714 §16.1.1."""
    protector = srtp.GcmProtector(session_key=bytes(range(16)), session_salt=b"Quid pro quo", ssrc=SSRC)

    packet = protector.protect(
        bytes.fromhex("8040f17b8041f8d35501a0b2"), b"Gallia est omnis divisa in partes tres", 0xF17B
    )

    assert packet.hex() == (
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        "899d7f27beb16a9152cf765ee4390cce"
    )


def test_libsrtp_reads_what_we_write_over_the_wrap():
    """Our packets, rollover counter included, decrypt elsewhere."""
    master = bytes(range(28))
    policy = Policy(key=master, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    session = Session(policy)
    protector = srtp.GcmProtector.from_master(key=master[:16], salt=master[16:], ssrc=SSRC)

    for index in range(32_000, 70_000, 37):
        head = rtp.header(is_last=False, payload_type=96, sequence=index, timestamp=index, ssrc=SSRC)
        assert session.unprotect(protector.protect(head, b"picture", index)) == head + b"picture"


def test_no_index_is_used_twice():
    """A repeated index, one too old to tell, a negative one and one past 48 bits are refused; overtaking is not."""
    used = srtp.UsedIndexes()
    for index in (5, 9, 7, 8, 500):
        used.use(index)

    for refused in (500, 8, 4, 5, 500 - 256, -1, 1 << 48):
        with pytest.raises(srtp.IndexReusedError):
            used.use(refused)
    used.use(499)
    used.use(500 - 255)


@given(st.lists(st.integers(0, 3_000), max_size=400))
def test_whatever_the_order_an_index_is_taken_at_most_once(indexes: list[int]):
    """Jumps, wraps back and repetitions: never twice, and what is remembered stays bounded."""
    used, taken = srtp.UsedIndexes(), set()
    for index in indexes:
        with contextlib.suppress(srtp.IndexReusedError):
            used.use(index)
            assert index not in taken
            taken.add(index)
    assert len(used._passed) <= 3 * 256
