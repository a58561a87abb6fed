"""One touch for what waits at many places: which proposals it may cover, and each site's own answer.

A touch signs the root over the digests (`partner_agent.wire.touches`), all of one kind; every site gets the path of its
own document and answers for itself. What one site refuses changes nothing at another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import anyio

from gateway.kernel.errors import LenspactError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.partners import Site
from gateway.sharing.approving import OTHER_REFUSAL, Approvals, Waiting
from partner_agent.wire import touches
from partner_agent.wire.documents import OWNERS_LABEL, POLICY_LABEL
from partner_agent.wire.limits import TOUCH_DIGESTS
from partner_agent.wire.touches import Assertion, TouchError

AT_ONCE: Final = 8  # sites that are asked at one time


@dataclass(frozen=True, slots=True)
class WaitingAt:
    """What waits at one place."""

    site: Site
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Batch:
    """Proposals that one touch approves.

    Attributes:
        challenge: what a passkey is to sign, base64url.
        credentials: the passkeys that every one of these sites would take it from.
        places: in the order in which their digests are signed.
    """

    is_about_owners: bool
    challenge: str
    credentials: tuple[str, ...]
    places: tuple[WaitingAt, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """What is signed, in order."""
        return tuple(place.waiting.sha256 for place in self.places)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one site made of a touch: `sentence` says why it did not take it; empty if it did."""

    site: Site
    held_s: int = 0
    sentence: str = ""


class Everywhere:
    """Approving at every place of an organisation."""

    def __init__(self, *, approvals: Approvals) -> None:
        self._approvals = approvals

    async def waiting(self, principal: Principal) -> list[WaitingAt]:
        """What waits at the caller's places and was not approved yet."""
        found = []
        for site in await self._approvals.sites(principal):
            waiting = await self._approvals.waiting(principal, site.id)
            if waiting is not None and waiting.minutes_left is None:
                found.append(WaitingAt(site, waiting))
        return found

    def batches(self, waiting: Sequence[WaitingAt]) -> list[Batch]:
        """Those of them that one touch covers: two places or more of one kind, whose sites know the same passkey."""
        kinds = ([place for place in waiting if place.waiting.is_about_owners is kind] for kind in (False, True))
        batches = (_batch(places) for places in kinds)
        return [batch for batch in batches if batch is not None]

    async def touch(self, principal: Principal, digests: Sequence[str], assertion: Assertion) -> list[Outcome]:
        """Bring one touch to every site whose document is among `digests`; what each answered.

        Raises:
            PreconditionError: these are no digests, or more than one touch may cover.
        """
        leaves = _read(digests)
        by_digest = {place.waiting.sha256: place for place in await self.waiting(principal)}
        outcomes: dict[str, Outcome] = {}
        room = anyio.CapacityLimiter(AT_ONCE)

        async def bring(place: WaitingAt, path: touches.Path) -> None:
            async with room:
                try:
                    answer = await self._approvals.touch(
                        principal, place.site.id, place.waiting.sha256, assertion, path=path
                    )
                except LenspactError as error:
                    outcomes[place.site.id] = Outcome(place.site, sentence=error.sentence)
                else:
                    outcomes[place.site.id] = Outcome(place.site, held_s=answer.held_s or 0)

        async with anyio.create_task_group() as group:
            for index, digest in enumerate(digests):
                if digest in by_digest:
                    group.start_soon(bring, by_digest[digest], touches.path(leaves, index))
        return sorted(outcomes.values(), key=lambda outcome: outcome.site.name)


def _batch(places: Sequence[WaitingAt]) -> Batch | None:
    """The most places that know one passkey; None where a touch of its own does as well."""
    known = {name for place in places for name in place.waiting.credentials}
    counts = {name: sum(name in place.waiting.credentials for place in places) for name in known}
    best = max(sorted(counts), key=lambda name: counts[name], default="")
    covered = [place for place in places if best in place.waiting.credentials][:TOUCH_DIGESTS]
    if len(covered) < 2:
        return None
    common = frozenset.intersection(*(frozenset(place.waiting.credentials) for place in covered))
    is_about_owners = covered[0].waiting.is_about_owners
    root = touches.root([bytes.fromhex(place.waiting.sha256) for place in covered])
    label = OWNERS_LABEL if is_about_owners else POLICY_LABEL
    return Batch(
        is_about_owners=is_about_owners,
        challenge=touches.base64url(touches.challenge(label, root)),
        credentials=tuple(sorted(common)),
        places=tuple(covered),
    )


def _read(digests: Sequence[str]) -> list[bytes]:
    try:
        leaves = [bytes.fromhex(digest) for digest in digests]
        touches.root(leaves)
    except (ValueError, TouchError) as error:
        raise PreconditionError(OTHER_REFUSAL) from error
    if len(set(leaves)) != len(leaves) or any(leaf.hex() != text for leaf, text in zip(leaves, digests, strict=True)):
        raise PreconditionError(OTHER_REFUSAL)
    return leaves
