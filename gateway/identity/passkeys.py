"""An owner's approval passkeys: registered here for nothing else, and never offered at sign-in.

They open no session. Their public keys go into the documents of the owner's sites, which alone decide what a touch
approves. The credential asks not to be discoverable, so no browser offers it where somebody signs in. Checks on a new
one, numbered so in the code (WebAuthn §7.1):
1 the answer is in form;   2 it answers a challenge made for this session, minutes ago, used up here whatever follows;
3 on this very origin, in no frame of another, by a verified person, with ES256 or EdDSA;   4 nobody registered it yet.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from webauthn import generate_registration_options, options_to_json, verify_registration_response
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.audit import Kind, LeafDraft
from gateway.edge.origin import PublicOrigin
from gateway.identity.model import (
    CHALLENGE_LIFE,
    MAX_PASSKEYS,
    Link,
    LinkPurpose,
    Passkey,
    ref_of,
)
from gateway.identity.ports import Log, PasskeyStore, SecretStore
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, PreconditionError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from partner_agent.wire import canonical
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.touches import TouchError, base64url, from_base64url

CHALLENGE_BYTES: Final = 32
ALGORITHMS: Final = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]  # what sites take
UNREADABLE: Final = "The answer of the passkey could not be read. Try again."
OVER: Final = "This took too long, or was sent twice. Nothing is added; try again."
NOT_TAKEN: Final = "This passkey cannot be used: it has to verify you by PIN, finger or face. Nothing is added."
# What the library raises on bytes that somebody else chose, beside its own errors.
_MALFORMED: Final = (WebAuthnException, TouchError, ValueError, TypeError, KeyError, IndexError, AttributeError)


class Passkeys:
    """The use cases around an owner's own approval passkeys."""

    def __init__(
        self,
        *,
        database: Database,
        store: PasskeyStore,
        secrets: SecretStore,
        log: Log,
        origin: PublicOrigin,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._store = store
        self._secrets = secrets
        self._log = log
        self._origin = origin
        self._clock = clock
        self._ids = ids

    @property
    def rp_id(self) -> str:
        """What the passkeys belong to: the host of the public address (WebAuthn §5.1.2)."""
        return self._origin.host

    async def of_caller(self, principal: Principal) -> Sequence[Passkey]:
        """The caller's own, oldest first."""
        return await self._store.of_person(principal.person_id)

    async def of_person(self, person_id: str) -> Sequence[Passkey]:
        """Somebody's, oldest first."""
        return await self._store.of_person(person_id)

    async def begin(self, principal: Principal) -> dict[str, Any]:
        """What the browser asks the authenticator for, with a challenge of this session.

        Raises:
            PreconditionError: nobody is signed in, or the list is full.
        """
        known = await self.of_caller(principal)
        if not principal.session_ref or len(known) >= MAX_PASSKEYS:
            raise PreconditionError(
                phrase("You can have %(most)d passkeys. Remove one you no longer use first.", most=MAX_PASSKEYS)
            )
        challenge, now = self._ids.secret(CHALLENGE_BYTES), self._clock.now()
        ref = _challenge_ref(principal, base64url(challenge))
        link = Link(ref, LinkPurpose.APPROVAL_PASSKEY, principal.person_id, now + CHALLENGE_LIFE)
        async with self._database.unit_of_work() as unit:
            await self._secrets.add_link(unit, link, at=now)
            await unit.commit(unaudited="half a registration; the whole one is audited")
        options = generate_registration_options(
            rp_id=self.rp_id,
            rp_name="Lenspact approvals",
            user_name=f"{principal.name}: approvals",
            user_id=self._ids.secret(CHALLENGE_BYTES),  # says nothing of the person, and replaces no other passkey
            challenge=challenge,
            timeout=int(CHALLENGE_LIFE.total_seconds() * 1000),
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(from_base64url(one.credential)) for one in known],
            supported_pub_key_algs=ALGORITHMS,
        )
        said: dict[str, Any] = json.loads(options_to_json(options))
        return said

    async def add(self, principal: Principal, *, name: str, answer: str) -> Passkey:
        """Keep a new passkey; see the numbered checks above.

        Args:
            principal: whose.
            name: what its owner calls it.
            answer: the browser's RegistrationResponseJSON (WebAuthn §5.1.8.1).

        Raises:
            InvalidError: `answer` is no right answer to a challenge of this session; nothing is added.
            ConflictError: it is registered already.
        """
        given, challenge = _read(answer)  # 1
        await self._use_up(principal, challenge)  # 2
        try:  # 3
            verified = verify_registration_response(
                credential=given,
                expected_challenge=from_base64url(challenge),
                expected_rp_id=self.rp_id,
                expected_origin=self._origin.text,
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            )
        except _MALFORMED as error:
            raise InvalidError(NOT_TAKEN) from error
        passkey = Passkey(
            credential=base64url(verified.credential_id),
            person_id=principal.person_id,
            public_key=base64url(verified.credential_public_key),
            name=name,
            created_at=self._clock.now(),
        )
        async with self._database.unit_of_work() as unit:
            if not await self._store.add(unit, passkey):  # 4
                raise ConflictError("This passkey is registered already.")
            await self._tell(unit, principal, Kind.CREDENTIAL_ADDED, passkey)
            await unit.commit()
        return passkey

    async def suspend(self, principal: Principal, credential: str) -> None:
        """Use it no more; what the sites' documents say of it is `sharing`'s.

        Raises:
            NotFoundError: it is none of the caller's.
        """
        await self._set_suspended(principal, credential, is_suspended=True)

    async def resume(self, principal: Principal, credential: str) -> None:
        """Use it again; what the sites' documents say of it is `sharing`'s, and waits for approval there.

        Raises:
            NotFoundError: it is none of the caller's.
        """
        await self._set_suspended(principal, credential, is_suspended=False)

    async def remove(self, principal: Principal, credential: str) -> None:
        """Forget it.

        Raises:
            NotFoundError: it is none of the caller's.
        """
        passkey = await self.one(principal, credential)
        async with self._database.unit_of_work() as unit:
            await self._store.remove(unit, credential)
            await self._tell(unit, principal, Kind.CREDENTIAL_REMOVED, passkey)
            await unit.commit()

    async def one(self, principal: Principal, credential: str) -> Passkey:
        """One of the caller's own.

        Raises:
            NotFoundError: it is none of theirs.
        """
        for passkey in await self.of_caller(principal):
            if passkey.credential == credential:
                return passkey
        raise NotFoundError("There is no such passkey.")

    async def _use_up(self, principal: Principal, challenge: str) -> None:
        async with self._database.unit_of_work() as unit:
            ref, now = _challenge_ref(principal, challenge), self._clock.now()
            link = await self._secrets.use_link(unit, ref, LinkPurpose.APPROVAL_PASSKEY, now)
            await unit.commit(unaudited="a challenge is used up; what it was used for is audited")
        if link is None or link.person_id != principal.person_id or not principal.session_ref:
            raise InvalidError(OVER)

    async def _set_suspended(self, principal: Principal, credential: str, *, is_suspended: bool) -> None:
        passkey = await self.one(principal, credential)
        if passkey.is_suspended == is_suspended:
            return
        kind = Kind.CREDENTIAL_SUSPENDED if is_suspended else Kind.CREDENTIAL_RESUMED
        async with self._database.unit_of_work() as unit:
            await self._store.set_suspended(unit, credential, self._clock.now() if is_suspended else None)
            await self._tell(unit, principal, kind, passkey)
            await unit.commit()

    async def _tell(self, unit: UnitOfWork, principal: Principal, kind: Kind, passkey: Passkey) -> None:
        draft = LeafDraft(
            kind=kind,
            streams=frozenset({principal.person_id, principal.organisation_id} - {""}),
            public={"use": "approval"},
            details={"sha256": canonical.sha256_hex(passkey.credential)},
            restricted={"person": principal.person_id},
        )
        await self._log.append(unit, draft)


def _challenge_ref(principal: Principal, challenge: str) -> str:
    """Names a challenge together with the session it was made for; in another session it is no challenge at all."""
    return ref_of(f"{principal.session_ref}.{challenge}")


def _read(answer: str) -> tuple[dict[str, Any], str]:
    """The answer, and the challenge it says it answers."""
    try:
        given: Any = json.loads(answer)
        said: Any = json.loads(from_base64url(given["response"]["clientDataJSON"]))
        challenge = str(said["challenge"])
        is_framed = said.get("crossOrigin", False) is not False or "topOrigin" in said
    except (*_MALFORMED, RecursionError) as error:
        raise InvalidError(UNREADABLE) from error
    if is_framed:
        raise InvalidError("A passkey is added on our own page only, in no frame of another.")
    return given, challenge
