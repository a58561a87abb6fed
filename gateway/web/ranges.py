"""HTTP byte ranges: which bytes of a file a request wants (RFC 9110 section 14). Pure.

One range is honoured; several, another unit or a malformed header are ignored, as the RFC allows, so the caller
answers 200 with the whole file.
"""

import re
from dataclasses import dataclass
from typing import Final

_SINGLE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


class RangeNotSatisfiableError(ValueError):
    """The range begins past the end of the file: answer 416 with `Content-Range: bytes */size`."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last`, both included, of a file of `size_bytes`."""

    first: int
    last: int
    size_bytes: int

    @property
    def length(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """The value of `Content-Range`."""
        return f"bytes {self.first}-{self.last}/{self.size_bytes}"


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """What `Range: header` asks of a file of `size_bytes`; None when the whole file is to be sent.

    Raises:
        RangeNotSatisfiableError: nothing of what is asked exists.
    """
    match = _SINGLE.match(header.strip()) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:  # RFC 9110 §14.1.2: a suffix, the last n bytes
        if int(last) == 0 or size_bytes == 0:
            raise RangeNotSatisfiableError
        return ByteRange(max(0, size_bytes - int(last)), size_bytes - 1, size_bytes)
    if last and int(last) < int(first):
        return None
    if int(first) >= size_bytes:
        raise RangeNotSatisfiableError
    return ByteRange(int(first), min(int(last) if last else size_bytes - 1, size_bytes - 1), size_bytes)


def may_resume(if_range: str | None, etag: str) -> bool:
    """Whether `If-Range` still names the file we have (RFC 9110 §13.1.5: strong comparison; dates we never gave)."""
    return if_range is None or if_range.strip() == etag
