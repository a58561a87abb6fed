"""Byte ranges by RFC 9110 section 14."""

import pytest

from gateway.web.ranges import ByteRange, RangeNotSatisfiableError, may_resume, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 9)),
        ("bytes=5-100", (5, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-100", (0, 9)),
        (" bytes=2-4 ", (2, 4)),
    ],
)
def test_a_single_range_is_honoured(header, expected):
    """First, last, open and suffix forms give the bytes they name."""
    found = parse_range(header, 10)

    assert isinstance(found, ByteRange)
    assert (found.first, found.last) == expected
    assert found.content_range == f"bytes {expected[0]}-{expected[1]}/10"


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=0-0 x"]
)
def test_what_is_no_single_range_is_ignored(header):
    """Several ranges, other units and nonsense mean the whole file."""
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=-0", 10), ("bytes=-5", 0)]
)
def test_a_range_past_the_end_is_refused(header, size):
    """Nothing of it exists."""
    with pytest.raises(RangeNotSatisfiableError):
        parse_range(header, size)


def test_a_changed_file_is_sent_whole():
    """If-Range with another tag, a weak tag or a date does not resume."""
    assert may_resume(None, '"a"')
    assert may_resume('"a"', '"a"')
    assert not may_resume('W/"a"', '"a"')
    assert not may_resume("Sun, 22 Nov 2026 13:00:00 GMT", '"a"')
