"""How often somebody may try: fixed windows counted by one atomic upsert, so that no two processes count apart.

Counted per account and per address prefix (IPv4 /24, IPv6 /56) and endpoint. Keys are HMACs: the table names nobody.
Call `check` before any unit of work is open; on SQLite there is one writer.
"""

import hashlib
import hmac
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from gateway.kernel.database import Database
from gateway.kernel.errors import LimitedError
from partner_agent.wire.clock import Clock, to_ms

_COUNT: Final = text(
    "INSERT INTO edge_rate_counter (key, period, count, until) VALUES (:key, :period, 1, :until) "
    "ON CONFLICT (key, period) DO UPDATE SET count = edge_rate_counter.count + 1 RETURNING count"
)
_FORGIVE: Final = text("DELETE FROM edge_rate_counter WHERE key = :key")
_SWEEP: Final = text("DELETE FROM edge_rate_counter WHERE until < :now")
SWEEP_PERIOD_S: Final = 600.0


class JustLimitedError(LimitedError):
    """The first refusal of a window: worth telling somebody, which the following ones are not."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` times in `window_s` seconds for each value of `subject`."""

    subject: str  # "account" or "address"
    value: str
    count: int
    window_s: int


def address_prefix(address: str) -> str:
    """The network a client comes from: what one person can change at will stays one key."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    bits = 24 if parsed.version == 4 else 56
    return str(ipaddress.ip_network(f"{parsed}/{bits}", strict=False))


class RateLimiter:
    """Counts attempts in the database."""

    def __init__(self, *, database: Database, clock: Clock, key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._key = key

    async def check(self, endpoint: str, limits: Sequence[Limit]) -> None:
        """Count this attempt against every limit.

        Raises:
            LimitedError: at least one limit is passed; the attempt was counted all the same.
            JustLimitedError: the same, for the first time in this window.
        """
        now_s = self._clock.now().timestamp()
        waits = []
        is_first = False
        async with self._database.unit_of_work() as unit:
            for limit in sorted(limits, key=lambda each: (each.subject, each.value)):  # one order: no deadlock
                period = int(now_s // limit.window_s)
                ends_s = (period + 1) * limit.window_s
                row = {"key": self._name(endpoint, limit), "period": period, "until": round(ends_s * 1000)}
                count = (await unit.session.execute(_COUNT, row)).scalar_one()
                if count > limit.count:
                    waits.append(max(1, math.ceil(ends_s - now_s)))
                    is_first |= count == limit.count + 1
            await unit.commit(unaudited="a counter of attempts")
        if waits:
            refusal = JustLimitedError if is_first else LimitedError
            raise refusal("That was too often. Wait a little, then try again.", retry_after_s=max(waits))

    async def forgive(self, endpoint: str, limit: Limit) -> None:
        """Start over for one subject: the attempt was right after all."""
        async with self._database.unit_of_work() as unit:
            await unit.session.execute(_FORGIVE, {"key": self._name(endpoint, limit)})
            await unit.commit(unaudited="a counter of attempts")

    async def sweep(self) -> None:
        """Remove counters of windows that are over, for ever."""
        while True:
            async with self._database.unit_of_work() as unit:
                await unit.session.execute(_SWEEP, {"now": to_ms(self._clock.now())})
                await unit.commit(unaudited="counters whose window is over")
            await self._clock.sleep(SWEEP_PERIOD_S)

    def _name(self, endpoint: str, limit: Limit) -> str:
        text_ = "\x00".join((endpoint, limit.subject, limit.value, str(limit.window_s)))
        return hmac.digest(self._key, text_.encode(), hashlib.sha256).hex()
