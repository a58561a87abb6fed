"""The parameter sets before a key picture are those in force, not those of the opening."""

from partner_agent.parameters import ParameterSets
from partner_agent.rtc import nal

SPS_0, SPS_0_NEW = b"\x67\x42\x00\x1e\x80first", b"\x67\x42\x00\x1f\x80second"
SPS_1 = b"\x67\x42\x00\x1e\x40other"  # set number 1
PPS_0, PPS_0_NEW = b"\x68\x80first", b"\x68\x80second"
KEY, OTHER = b"\x65\x80key", b"\x41\x80other"


def units(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream."""
    return list(nal.split(stream))


def test_what_the_description_said_stands_before_a_key_picture_that_has_none():
    """SPS before PPS; other pictures stay as they are."""
    sets = ParameterSets(nal.join([PPS_0, SPS_0]))

    assert units(sets.complete(nal.join([KEY]), is_key=True)) == [SPS_0, PPS_0, KEY]
    assert units(sets.complete(nal.join([OTHER]), is_key=False)) == [OTHER]


def test_sets_that_came_in_the_stream_replace_those_of_the_same_number():
    """A camera that was set anew: what it sent once stands before every later key picture, and the old is gone."""
    sets = ParameterSets(nal.join([SPS_0, PPS_0]))
    changed = nal.join([SPS_0_NEW, PPS_0_NEW, KEY])

    assert sets.complete(changed, is_key=True) == changed
    assert units(sets.complete(nal.join([KEY]), is_key=True)) == [SPS_0_NEW, PPS_0_NEW, KEY]


def test_sets_of_other_numbers_are_kept_beside():
    """Pictures may refer to any of them."""
    sets = ParameterSets(nal.join([SPS_0, PPS_0]))
    sets.complete(nal.join([SPS_1, OTHER]), is_key=False)

    assert units(sets.complete(nal.join([KEY]), is_key=True)) == [SPS_0, SPS_1, PPS_0, KEY]


def test_a_key_picture_with_only_a_new_sps_gets_its_pps():
    """The new one stands first; the old one not at all."""
    sets = ParameterSets(nal.join([SPS_0, PPS_0]))

    assert units(sets.complete(nal.join([SPS_0_NEW, KEY]), is_key=True)) == [SPS_0_NEW, PPS_0, SPS_0_NEW, KEY]


def test_what_is_no_set_is_not_kept():
    """Too long, or without a number."""
    sets = ParameterSets(nal.join([SPS_0, PPS_0, b"\x67\x42", b"\x68\x80" + b"x" * 5000]))

    assert units(sets.complete(nal.join([KEY]), is_key=True)) == [SPS_0, PPS_0, KEY]
