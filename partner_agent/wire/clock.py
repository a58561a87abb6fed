"""The clock every decision takes as a parameter.

Wall time and monotonic time on one interface, with sleep, so that a test can move all three together. Only
`SystemClock` reads the machine's clock; one decision uses one `now`.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

import anyio

from partner_agent.wire.limits import CLOCK_SKEW_S


class Clock(Protocol):
    """Wall time for people and documents, monotonic time for durations, and sleep."""

    def now(self) -> datetime:
        """The wall time, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back while the machine is up."""

    async def sleep(self, duration_s: float) -> None:
        """Wait for `duration_s` seconds of monotonic time."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The wall time, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        """Wait for `duration_s` seconds."""
        await anyio.sleep(duration_s)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01T00:00:00Z of an aware `moment`."""
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC moment of `milliseconds` since 1970-01-01T00:00:00Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_rfc3339(moment: datetime) -> str:
    """RFC 3339 with `Z` and milliseconds, as every document and answer of ours writes a time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Parse a time written by `to_rfc3339`, or any RFC 3339 time with a zone.

    Raises:
        ValueError: the text is no such time, names no zone, or lies outside the years 1 to 9999 in UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, for instance 2026-11-22T13:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside the years 1 to 9999") from error


def has_come(moment: datetime, now: datetime) -> bool:
    """Whether a moment that another clock wrote down has come, as far as clocks agree."""
    return (moment - now).total_seconds() <= CLOCK_SKEW_S
