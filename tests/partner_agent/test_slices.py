"""Pictures that arrive in pieces are whole again, and whole ones are not kept waiting."""

from datetime import UTC, datetime

from partner_agent.rtc import nal
from partner_agent.slices import Joiner, Piece

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SETS = nal.join([b"\x67sps", b"\x68pps"])
TOP, BELOW = b"\x80", b"\x42"  # the first byte after a slice's header: first macroblock 0, and another


def piece(name: str, pts: int | None, *, is_key: bool = False, is_top: bool = True) -> Piece:
    """A piece with one slice called `name`."""
    header = b"\x65" if is_key else b"\x41"
    data = (SETS if is_key else b"") + nal.join([header + (TOP if is_top else BELOW) + name.encode()])
    return Piece(data, pts, is_key, NOON, 0.0)


def names(pictures: list[Piece]) -> list[list[str]]:
    """The slices of each picture."""
    return [
        [unit[2:].decode() for unit in nal.split(picture.data) if nal.nal_type(unit) in nal.SLICES]
        for picture in pictures
    ]


def test_the_first_key_picture_waits_for_the_next_and_none_after_it():
    """One frame, once: then it is known that this camera sends whole pictures."""
    joiner = Joiner()

    assert joiner.add(piece("a", None, is_key=True)) == []
    assert names(joiner.add(piece("b", 6000))) == [["a"], ["b"]]
    assert names(joiner.add(piece("c", 12_000, is_key=True))) == [["c"]]
    joiner.begin()
    assert names(joiner.add(piece("d", None, is_key=True))) == [["d"]]


def test_the_pieces_of_a_key_picture_are_one():
    """One picture with the time of those that have one, its parameter sets once before it."""
    joiner = Joiner()
    for number, name in enumerate("abc"):
        assert joiner.add(piece(name, None if number == 0 else 0, is_key=True, is_top=number == 0)) == []
    picture, after = joiner.add(piece("d", 6000))

    assert names([picture, after]) == [["a", "b", "c"], ["d"]]
    assert (picture.pts, picture.is_key) == (0, True)
    assert [nal.nal_type(unit) for unit in nal.split(picture.data)] == [nal.SPS, nal.PPS, nal.IDR, nal.IDR, nal.IDR]


def test_a_camera_that_begins_with_pieces_loses_the_rest_of_one_picture():
    """The upper slices left already; from the next key picture on everything is whole."""
    joiner = Joiner()
    joiner.add(piece("a", None, is_key=True))
    joiner.add(piece("b", 6000))
    assert names(joiner.add(piece("c", 12_000, is_key=True))) == [["c"]]
    assert joiner.add(piece("d", 12_000, is_key=True, is_top=False)) == []

    assert joiner.add(piece("e", 18_000, is_key=True)) == []
    assert joiner.add(piece("f", 18_000, is_key=True, is_top=False)) == []
    assert names(joiner.rest()) == [["e", "f"]]
    assert joiner.rest() == []


def test_a_lower_slice_of_another_time_is_a_picture_of_its_own():
    """Its upper part was lost on the way; it is never put under another picture."""
    joiner = Joiner()
    joiner.add(piece("a", 0, is_key=True))

    assert names(joiner.add(piece("b", 6000, is_top=False))) == [["a"], ["b"]]
