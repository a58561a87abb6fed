"""Versions of the agreement: proposed by the agency, signed by both sides, compared, and what counts between them.

Each signature is one transaction with its leaf, which holds the SHA-256 of the body. An owner who signed an earlier
version stays at it: what the agency offers now can take away from it, and adds nothing until they sign again.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError
from gateway.kernel.principal import Principal
from gateway.partners.model import Acceptance, AgreementInForce, Organisation, Version, refuse_unless_active
from gateway.partners.ports import AgreementWatcher, Log, PartnerRows, Signatures
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.touches import Assertion
from policies.fields import PolicyError
from policies.mou import Consent, Memorandum, parse_memorandum


class Memoranda:
    """Use cases of the agreement."""

    def __init__(
        self,
        *,
        database: Database,
        rows: PartnerRows,
        log: Log,
        shipped: Version,
        clock: Clock,
        ids: IdSource,
        signatures: Signatures,
        tell_of_sites: Callable[[UnitOfWork, Organisation], Awaitable[None]],
        watchers: tuple[AgreementWatcher, ...] = (),
    ) -> None:
        self._database = database
        self._rows = rows
        self._log = log
        self._shipped = shipped
        self._clock = clock
        self._ids = ids
        self.signatures = signatures
        self._tell_of_sites = tell_of_sites
        self._watchers = watchers

    async def versions(self) -> list[Version]:
        """Every version, newest first; the one that came with the installation is the last."""
        return [*await self._rows.versions(), self._shipped]

    async def version(self, sha256: str) -> Version:
        """One version by its digest.

        Raises:
            NotFoundError: there is none.
        """
        found = next((one for one in await self.versions() if one.sha256 == sha256), None)
        if found is None:
            raise NotFoundError("There is no such version of the agreement.")
        return found

    async def current(self) -> Version:
        """What owners can sign now: the newest the agency signed, else the one that came with the installation."""
        return newest_offered(await self.versions())

    async def in_force(self, organisation_id: str) -> AgreementInForce | None:
        """What counts with an owner now; None where they signed nothing that is known here."""
        versions = await self.versions()
        offered = {one.sha256: one.memorandum for one in versions if one.is_offered}
        current = newest_offered(versions).memorandum
        signatures = await self._rows.acceptances(organisation_id)
        for signed in sorted(signatures, key=lambda one: one.sha256 != current.sha256):  # stable: then the newest
            accepted = offered.get(signed.sha256)
            if accepted is not None:
                rules = accepted.template.within(current.template)
                return AgreementInForce(accepted, signed.accepted_at, rules, accepted.sha256 == current.sha256)
        return None

    async def propose(self, principal: Principal, text: str) -> Version:
        """Keep a draft, written as JSON; it binds nobody until the agency has signed it.

        Raises:
            InvalidError: it cannot be read; the sentence names the place.
            ConflictError: exactly this body is there already, or another version has its name.
        """
        memorandum = read_text(text)
        versions = await self.versions()
        if any(one.memorandum.mou == memorandum.mou and one.sha256 != memorandum.sha256 for one in versions):
            raise ConflictError("Another version has this name. Give it a new one in the field mou.")
        if memorandum.sha256 == self._shipped.sha256:
            raise ConflictError("Exactly this version is there already.")
        draft = Version(
            memorandum,
            proposed_by=principal.person_id,
            proposed_by_name=principal.name,
            proposed_at=self._clock.now(),
        )
        async with self._database.unit_of_work() as unit:
            await self._rows.add_version(unit, draft)
            await self._log.append(unit, _leaf(Kind.AGREEMENT_PROPOSED, principal, memorandum))
            await unit.commit()
        return draft

    async def sign_for_agency(self, principal: Principal, sha256: str) -> Version:
        """Put the agency's signature under a draft: owners are offered it from now on.

        Raises:
            NotFoundError: there is no such version.
            ConflictError: it was signed already.
        """
        draft = await self.version(sha256)
        if draft.is_offered:
            raise ConflictError("This version was signed already.")
        signed = replace(
            draft, signed_by=principal.person_id, signed_by_name=principal.name, signed_at=self._clock.now()
        )
        async with self._database.unit_of_work() as unit:
            await self._rows.sign_version(unit, signed)
            await self._log.append(unit, _leaf(Kind.AGREEMENT_SIGNED, principal, signed.memorandum))
            for watcher in self._watchers:
                await watcher.agreement_changed(unit)
            await unit.commit()
        return signed

    async def accept(
        self, principal: Principal, *, sha256: str, consent: Consent, assertion: Assertion | None = None
    ) -> None:
        """Sign what is offered now for an organisation, named by the digest of what was shown.

        Whoever has an approval passkey signs with it, over that digest; the signature is kept beside the acceptance,
        and its own digest is in the leaf.

        Raises:
            PreconditionError: the caller has a passkey and did not sign with it.
            ConflictError: another version is offered since it was shown; read it.
            InvalidError: this version does not admit that consent came about like this.
        """
        current = (await self.current()).memorandum
        if sha256 != current.sha256:
            raise ConflictError("The agreement has changed since you opened this page. Read it again.")
        if consent not in current.consent:
            raise InvalidError("This agreement is not for that.", fields={"consent": "Choose another answer."})
        if any(one.sha256 == sha256 for one in await self._rows.acceptances(principal.organisation_id)):
            return
        touch = await self.signatures.signed(principal.person_id, sha256, assertion)
        async with self._database.unit_of_work() as unit:
            organisation = await self._rows.organisation(principal.organisation_id, unit=unit)
            if organisation is None:
                raise NotFoundError("There is no such organisation.")
            refuse_unless_active(organisation)
            acceptance = Acceptance(
                id=self._ids.new("mou"),
                organisation_id=organisation.id,
                version=current.mou,
                sha256=sha256,
                person_id=principal.person_id,
                person_name=principal.name,
                accepted_at=self._clock.now(),
                consent=consent.value,
                touch=touch,
            )
            await self._rows.add_acceptance(unit, acceptance)
            await self._log.append(unit, _accepted(acceptance))
            await self._tell_of_sites(unit, organisation)
            unit.bump(organisation.id)
            await unit.commit()


def newest_offered(versions: list[Version]) -> Version:
    """The version that owners can sign: the one the agency signed last; `versions` ends with the shipped one."""
    signed = [(one.signed_at, one.sha256, one) for one in versions if one.signed_at is not None]
    return max(signed)[2] if signed else versions[-1]


def read_text(text: str) -> Memorandum:
    """A version as it was typed.

    Raises:
        InvalidError: it cannot be read; the sentence names the place.
    """
    try:
        return parse_memorandum(text)
    except PolicyError as error:
        raise InvalidError(
            "This version cannot be read.", fields={"body": f"{error.path} {error.sentence}."}
        ) from error


def _accepted(acceptance: Acceptance) -> LeafDraft:
    """The owner's side signed; by a passkey, whose signature the leaf names by its SHA-256."""
    who = {"organisation": acceptance.organisation_id, "person": acceptance.person_id}
    by = {"touch_sha256": hashlib.sha256(acceptance.touch.encode()).hexdigest()} if acceptance.touch else {}
    return LeafDraft(
        kind=Kind.AGREEMENT_ACCEPTED,
        streams=frozenset(who.values()),
        public={
            "mou_version": acceptance.version,
            "mou_sha256": acceptance.sha256,
            "consent": acceptance.consent,
            "signed_with": "passkey" if acceptance.touch else "session",
            **by,
        },
        details=who,
    )


def _leaf(kind: Kind, principal: Principal, memorandum: Memorandum) -> LeafDraft:
    return LeafDraft(
        kind=kind,
        public={"mou_version": memorandum.mou, "mou_sha256": memorandum.sha256},
        restricted={"person": principal.person_id},
    )
