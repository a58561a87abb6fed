"""People who can sign in, kept in memory, and the links that would have been mailed."""

from gateway.kernel.database import UnitOfWork


class FakePeople:
    """`partners.People`: one person per address."""

    def __init__(self) -> None:
        self.by_email: dict[str, str] = {}
        self._made = 0
        self.links: list[tuple[str, str]] = []
        self.signed_out: list[str] = []

    async def person_for(self, unit: UnitOfWork, *, email: str, name: str) -> str:
        """The person of this address."""
        if email not in self.by_email:
            self._made += 1
            self.by_email[email] = f"per_{self._made:026d}"
        return self.by_email[email]

    async def end_sessions(self, unit: UnitOfWork, person_id: str) -> None:
        """Remember who was signed out."""
        self.signed_out.append(person_id)

    async def forget(self, unit: UnitOfWork, person_id: str) -> bool:
        """Nobody of this id any more."""
        self.by_email = {email: known for email, known in self.by_email.items() if known != person_id}
        return True

    async def send_link(self, email: str, *, next_path: str) -> None:
        """Remember the link."""
        self.links.append((email, next_path))
