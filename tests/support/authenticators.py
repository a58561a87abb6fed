"""Chromium's virtual authenticator: a passkey that touches by itself, as somebody would."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page

_BUILT_IN = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Authenticator:
    """The device's own passkeys."""

    def __init__(self, session: Any, name: str) -> None:
        self._session = session
        self._name = name

    def verify_nobody(self) -> None:
        """From now on no PIN, finger or face is right."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._name, "isUserVerified": False})

    def add(self, *, rp_id: str) -> str:
        """A passkey it holds already; its id, base64url without padding."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        credential = {
            "credentialId": base64.b64encode(b"a passkey of this test").decode(),
            "isResidentCredential": True,
            "rpId": rp_id,
            "privateKey": base64.b64encode(private).decode(),
            "userHandle": base64.b64encode(b"owner").decode(),
            "signCount": 1,
        }
        self._session.send("WebAuthn.addCredential", {"authenticatorId": self._name, "credential": credential})
        return base64.urlsafe_b64encode(b"a passkey of this test").decode().rstrip("=")

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """Those it holds, as the browser's debugger tells them."""
        found: list[dict[str, Any]] = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._name})[
            "credentials"
        ]
        return found


@contextmanager
def authenticator(page: Page) -> Iterator[Authenticator]:
    """One, for as long as the page is open (Chrome DevTools Protocol, WebAuthn domain)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": _BUILT_IN})
    yield Authenticator(session, made["authenticatorId"])
    session.detach()
