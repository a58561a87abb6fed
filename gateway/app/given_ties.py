"""What sites give, live and recorded, tied together once both are built: `sharing` asks for it before they are."""

import dataclasses
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from gateway.evidence import Evidence
from gateway.live import Live
from partner_agent.wire.clock import Clock
from policies.request import Usage

_DAY: Final = timedelta(days=1)


class GivenTies:
    """What sites give, live and recorded, for those who are built before both: `sharing.GivenUsage`."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._live: Live | None = None
        self._evidence: Evidence | None = None

    def tie(self, live: Live, evidence: Evidence) -> None:
        """These are they; called once."""
        self._live, self._evidence = live, evidence

    async def usage(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """What they give; those that give nothing are left out."""
        if self._live is None or self._evidence is None:
            return {}
        live = await self._live.usage(sites, without_session=without_session)
        clips = await self._evidence.given_s(sites, since=self._now() - _DAY)
        return {
            site: dataclasses.replace(given, clip_s=given.clip_s + clips.get(site, 0))
            for site in live.keys() | clips.keys()
            for given in (live.get(site, Usage()),)
        }
