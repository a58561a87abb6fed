"""What surrounds an agent: a name server, a synchronised clock, an owner who listens."""

from collections.abc import Sequence
from ipaddress import ip_address

from partner_agent.addresses import Address


class FakeResolver:
    """Names and their addresses; unknown names have none."""

    def __init__(self, **names: str) -> None:
        self.names = {"gw.example": "93.184.216.34", "localhost": "127.0.0.1", **names}

    async def resolve(self, host: str) -> Sequence[Address]:
        found = self.names.get(host)
        return [ip_address(found)] if found else []


class FakeSync:
    """A clock source that is there or not."""

    def __init__(self) -> None:
        self.synced = True

    def is_synced(self) -> bool:
        return self.synced


class FakeNotice:
    """Remembers what the owner was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.lines: list[str] = []

    def tell(self, kind: str, sentence: str, lines: Sequence[str] = ()) -> None:
        self.told.append(kind)
        self.lines += [sentence, *lines]
