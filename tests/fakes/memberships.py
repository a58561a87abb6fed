"""Partners' memberships that exist because a test says so."""

from gateway.identity import Membership


class FakeMemberships:
    def __init__(self) -> None:
        self.held: dict[str, Membership] = {}
        self.confirmed: list[str] = []

    async def membership_of(self, person_id: str) -> Membership | None:
        return self.held.get(person_id)

    async def address_confirmed(self, person_id: str) -> None:
        self.confirmed.append(person_id)
