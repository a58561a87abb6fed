"""Sessions that exist because a test says so."""

import hashlib

from gateway.kernel.principal import ANONYMOUS, Principal, PrincipalKind, Role


class FakeAuthenticator:
    """`sign_in` returns the cookie value of a new session."""

    def __init__(self) -> None:
        self._principals: dict[str, Principal] = {}

    async def authenticate(self, session_token: str) -> Principal:
        return self._principals.get(session_token, ANONYMOUS)

    def sign_in(self, *roles: Role, kind: PrincipalKind = PrincipalKind.AGENCY, organisation_id: str = "") -> str:
        token = f"session-{len(self._principals)}"
        self._principals[token] = Principal(
            kind=kind,
            person_id=f"per_{len(self._principals):026d}",
            organisation_id=organisation_id,
            roles=frozenset(roles),
            name="Robin",
            session_ref=hashlib.sha256(token.encode()).hexdigest(),
            factors=frozenset({"password", "totp"}),
        )
        return token
