"""NAL units are found in a byte stream whatever start codes separate them."""

from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import nal

UNIT = st.binary(min_size=1, max_size=40).map(lambda body: bytes([0x65]) + body.replace(b"\x00", b"\x01"))


@given(st.lists(UNIT, max_size=5))
def test_split_undoes_join(units: list[bytes]):
    """Splitting a joined stream gives the same units."""
    assert list(nal.split(nal.join(units))) == units


def test_short_start_codes_and_leading_bytes():
    """Three-byte start codes count, and what stands before the first is skipped."""
    assert list(nal.split(b"xx\x00\x00\x01\x67a\x00\x00\x00\x01\x68b")) == [b"\x67a", b"\x68b"]


def test_parameter_sets_must_stand_before_the_slice():
    """An SPS and PPS after the picture do not help to decode it."""
    before, after = nal.join([b"\x67s", b"\x68p", b"\x65x"]), nal.join([b"\x65x", b"\x67s", b"\x68p"])

    assert nal.has_parameter_sets(before)
    assert not nal.has_parameter_sets(after)
    assert nal.parameter_sets(after) == nal.join([b"\x67s", b"\x68p"])
