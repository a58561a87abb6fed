"""What sites gave already, as a test says."""

from collections.abc import Collection, Mapping

from policies.request import Usage


class FakeGiven:
    """`sharing.GivenUsage` by a table.

    Attributes:
        by_site: what each site gave; one that gave nothing is not named.
        reads: how often it was asked.
    """

    def __init__(self) -> None:
        self.by_site: dict[str, Usage] = {}
        self.reads = 0

    async def usage(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """As the table says; it knows of no single view."""
        del without_session
        self.reads += 1
        return {site: self.by_site[site] for site in sites if site in self.by_site}
