"""Whose passkeys may approve at a site: asked for, suspended, taken off the list, all by the site's own document.

The document in force says who may; this module only writes wishes. A first passkey, and any new one, is a proposal like
every other widening: approved on site, or by a passkey that the document names already. Suspending only narrows, so it
counts at once. Taking one off the list is a proposal too, and the last one is only ever suspended. A passkey that only
answers requests is named in the same way; it goes off the list at once, and does not count where an owner has to stay.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.kernel.errors import ConflictError, PreconditionError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from gateway.partners import Site
from gateway.sharing.model import Answers
from gateway.sharing.ports import SharingRows
from gateway.sharing.service import Sharing
from gateway.sharing.site_book import SiteBook
from gateway.sharing.standing import held_by
from policies.model import Owner, read_policy
from policies.vocabulary import OwnerRole

MAX_OWNERS: Final = 16  # a document holds no more
TRIES: Final = 3  # somebody may save in between


@dataclass(frozen=True, slots=True)
class Key:
    """A passkey as documents name it: raw id and COSE key, base64url without padding."""

    credential: str
    public_key: str
    role: OwnerRole = OwnerRole.OWNER


class KeyState(StrEnum):
    """How a passkey stands at a site."""

    UNKNOWN = "unknown"
    ASKED = "asked"  # waits for approval
    APPROVES = "approves"
    SUSPENDED = "suspended"
    LEAVING = "leaving"  # suspended; that it goes off the list waits for approval


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """The passkeys of a site.

    Attributes:
        named: those of the document in force.
        wanted: those that a document is to name; None for no wish.
        has_answers: whether its owner said what is shared, so that there is a document to be written.
    """

    site: Site
    named: tuple[Owner, ...]
    wanted: tuple[Owner, ...] | None
    has_answers: bool

    def state_of(self, credential: str) -> KeyState:
        """How this passkey stands here."""
        now, then = _by_id(self.named).get(credential), _by_id(self.wanted or ()).get(credential)
        if now is None:
            return KeyState.UNKNOWN if then is None else KeyState.ASKED
        if self.wanted is not None and then is None:
            return KeyState.LEAVING
        if now.is_suspended and then is not None and not then.is_suspended:
            return KeyState.ASKED
        return KeyState.SUSPENDED if now.is_suspended or (then and then.is_suspended) else KeyState.APPROVES

    @property
    def approving(self) -> int:
        """How many owners' passkeys can approve here now."""
        named = (owner for owner in self.named if owner.role is OwnerRole.OWNER)
        return sum(self.state_of(owner.credential) is KeyState.APPROVES for owner in named)

    @property
    def answering(self) -> frozenset[str]:
        """The passkeys that only answer requests, or are to."""
        every = (*self.named, *(self.wanted or ()))
        return frozenset(owner.credential for owner in every if owner.role is OwnerRole.ANSWERS)


def _latest(keys: SiteKeys) -> tuple[Owner, ...]:
    return keys.named if keys.wanted is None else keys.wanted


def _has_owner(owners: Sequence[Owner]) -> bool:
    return any(owner.role is OwnerRole.OWNER for owner in owners)


def _by_id(owners: Sequence[Owner]) -> dict[str, Owner]:
    return {owner.credential: owner for owner in owners}


class Owners:
    """Use cases around the owners that documents name."""

    def __init__(self, *, sharing: Sharing, rows: SharingRows, book: SiteBook) -> None:
        self._sharing = sharing
        self._rows = rows
        self._book = book

    async def sites(self, principal: Principal) -> list[SiteKeys]:
        """The passkeys of every site of the caller's organisation."""
        return [await self._of(site) for site in await self._book.partners.sites(principal.organisation_id)]

    async def ask_for(self, principal: Principal, site_id: str, key: Key) -> None:
        """Want a passkey to approve at a site; it waits for approval there.

        Raises:
            NotFoundError: no such site of the caller's organisation.
            PreconditionError: nothing was said yet about what is shared, the list is full, or the site's agent does not
                know passkeys that only answer requests.
        """
        if key.role is OwnerRole.ANSWERS:
            await self._demand_new_agent(principal, site_id)

        def added(keys: SiteKeys) -> tuple[Owner, ...]:
            owners = {
                **_by_id(_latest(keys)),
                key.credential: Owner(key.credential, key.public_key, is_suspended=False, role=key.role),
            }
            if len(owners) > MAX_OWNERS:
                raise PreconditionError(
                    phrase("A site knows at most %(most)d passkeys. Remove one first.", most=MAX_OWNERS)
                )
            return tuple(owners.values())

        await self._change(principal, site_id, added)

    async def suspend(self, principal: Principal, credential: str) -> None:
        """Let a passkey approve nothing more, at every site of the organisation, from now on.

        Raises:
            PreconditionError: the agreement was not accepted.
        """

        def suspended(keys: SiteKeys) -> tuple[Owner, ...]:
            named = _by_id(keys.named)
            return tuple(
                dataclasses.replace(owner, is_suspended=owner.is_suspended or owner.credential == credential)
                for owner in _latest(keys)
                if owner.credential != credential
                or credential in named  # one nobody approved yet is just not asked for
            )

        for keys in await self.sites(principal):
            if keys.state_of(credential) in {KeyState.APPROVES, KeyState.ASKED}:
                await self._change(principal, keys.site.id, suspended)

    async def resume(self, principal: Principal, credential: str) -> None:
        """Want a suspended passkey to approve again; it waits for approval, by another passkey or on site.

        Raises:
            PreconditionError: the agreement was not accepted.
        """

        def resumed(keys: SiteKeys) -> tuple[Owner, ...]:
            return tuple(
                dataclasses.replace(owner, is_suspended=owner.is_suspended and owner.credential != credential)
                for owner in _latest(keys)
            )

        for keys in await self.sites(principal):
            if keys.state_of(credential) is KeyState.SUSPENDED:
                await self._change(principal, keys.site.id, resumed)

    async def take_off(self, principal: Principal, credential: str) -> None:
        """Suspend a passkey everywhere, and want it off every list on which another one stays.

        Raises:
            PreconditionError: the agreement was not accepted.
        """
        await self.suspend(principal, credential)

        def without(keys: SiteKeys) -> tuple[Owner, ...]:
            left = tuple(owner for owner in _latest(keys) if owner.credential != credential)
            return left if _has_owner(left) or not _has_owner(_latest(keys)) else _latest(keys)

        for keys in await self.sites(principal):
            if keys.state_of(credential) is KeyState.SUSPENDED:
                await self._change(principal, keys.site.id, without)

    async def leave(self, principal: Principal, credential: str) -> None:
        """Whose passkey it is belongs to the organisation no more.

        An owner's is taken off; one that only answers is suspended and stays listed, so that what it answered stands.

        Raises:
            PreconditionError: the agreement was not accepted.
        """
        places = await self.sites(principal)
        only_answers = any(credential in keys.answering for keys in places)
        await (self.suspend if only_answers else self.take_off)(principal, credential)

    async def _demand_new_agent(self, principal: Principal, site_id: str) -> None:
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        agent = await self._book.agents.agent_of(site.id)
        if agent is None or not self._book.agents.knows_answerers(agent.id):
            raise PreconditionError(
                phrase(
                    "%(site)s has to be connected first, with a new enough agent. Nothing is changed.", site=site.name
                )
            )

    async def _of(self, site: Site) -> SiteKeys:
        held = await held_by(self._rows, await self._book.agents.agent_of(site.id))
        answers = await self._rows.answers(site.id)
        named = read_policy(held.raw).owners if held else ()
        return SiteKeys(site, named, answers.owners if answers else None, answers is not None)

    async def _change(
        self, principal: Principal, site_id: str, change: Callable[[SiteKeys], tuple[Owner, ...]]
    ) -> None:
        """Save the wish that `change` makes of what is; again when somebody saved in between."""
        for tries_left in reversed(range(TRIES)):
            site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
            answers, keys = await self._answers(site), await self._of(site)
            wanted = change(keys)
            try:
                await self._sharing.name_owners(principal, answers, None if wanted == keys.named else wanted)
            except ConflictError:
                if not tries_left:
                    raise
            else:
                return

    async def _answers(self, site: Site) -> Answers:
        answers = await self._rows.answers(site.id)
        if answers is None:
            raise PreconditionError(phrase("Choose first what is shared at %(site)s.", site=site.name))
        return answers
