"""The log as the rest of the gateway uses it: append a leaf inside your own transaction, promise it, read it, erase it.

Appending is one event in the caller's unit of work, so the change and its leaf stand or fall together; numbering, tiles
and signatures follow in `sequencer`. What may be read by whom is in the query: a stream key narrows it to those
concerned, `is_restricted_visible` opens the rest to compliance.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from gateway.audit.kinds import OWN_WORDS, Kind
from gateway.audit.model import MAX_PAGE, Entry, LeafDraft, LeafRef, Page, Query, make_leaf
from gateway.audit.ports import EventStore, LogHealth, NewEvent, PromiseSigner, Publisher
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import NotFoundError, UnavailableError
from partner_agent.wire import promises
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.leaves import SALT_BYTES

ALL_TOPIC: Final = "audit.all"  # every event; `audit.<stream key>` those of one stream


def topic_of(stream: str) -> str:
    """The bus topic on which events of `stream` are announced, their id as `ref`."""
    return f"audit.{stream}"


class AuditLog:
    """Append, promise, read, erase.

    Attributes:
        origin: the log's unique name, in every leaf and checkpoint.
    """

    def __init__(
        self,
        *,
        gateway: str,
        origin: str,
        events: EventStore,
        signer: PromiseSigner,
        health: LogHealth,
        bus: Publisher,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        """`gateway`: the issuer of promises, as agents pinned it; `signer`: the promise key."""
        self.origin = origin
        self._gateway = gateway
        self._events = events
        self._signer = signer
        self._health = health
        self._bus = bus
        self._clock = clock
        self._ids = ids

    async def append(self, unit: UnitOfWork, draft: LeafDraft) -> LeafRef:
        """Write `draft` into the caller's transaction; nothing is in the log until that commits.

        Raises:
            ConflictError: `draft.once` was used before; roll back, it is already done.
            ValueError: the leaf would be too large or not canonical: a programming error.
        """
        (ref,) = await self.append_all(unit, [draft])
        return ref

    async def append_all(self, unit: UnitOfWork, drafts: Sequence[LeafDraft]) -> list[LeafRef]:
        """Write what belongs together, in its order, as `append` would write each.

        Raises:
            ConflictError, ValueError: as `append`, for any of them.
        """
        events = [self._event_of(draft) for draft in drafts]
        if events:
            await self._events.insert(unit, events)
        for event in events:
            unit.leaves += 1
            unit.after_commit(partial(self._announce, event.ref.event_id, event.streams))
        return [event.ref for event in events]

    def _event_of(self, draft: LeafDraft) -> NewEvent:
        salts = {name: self._ids.secret(SALT_BYTES) for name in (*draft.details, *draft.restricted)}
        at = self._clock.now()
        ref = make_leaf(draft, event_id=self._ids.new("evt"), at=at, origin=self.origin, salts=salts)
        return NewEvent(
            ref=ref, kind=draft.kind, at=at, decision=draft.decision, streams=draft.streams, once=draft.once
        )

    async def demand_timely(self) -> None:
        """Check, before anything new is released, that a promise made now can be kept.

        Raises:
            UnavailableError: the log is past its merge delay; nothing new until it has caught up.
        """
        if await self._health.is_behind():
            raise UnavailableError("The log is behind, so nothing new can be shown. It is being looked at.")

    def promise(self, leaf_hash: bytes) -> str:
        """A `promise+jwt`: this leaf will be in the log within the merge delay. Promise only what is committed."""
        return promises.sign(
            self._signer,
            gateway=self._gateway,
            origin=self.origin,
            leaf_hash=leaf_hash.hex(),
            now=self._clock.now(),
        )

    async def find(self, query: Query, *, before: str = "", limit: int = 50) -> Page:
        """Entries that match `query`, newest first; `before` is the previous page's `next_cursor`."""
        return await self._events.find(query, before=before, limit=max(1, min(limit, MAX_PAGE)))

    async def entry(self, event_id: str, *, stream: str = "", is_restricted_visible: bool = False) -> Entry:
        """One entry with the openings the reader may have.

        Args:
            event_id: `evt_…`.
            stream: the only stream the reader may look into; empty for compliance.
            is_restricted_visible: whether restricted details are opened.

        Raises:
            NotFoundError: there is none, or it is on another stream.
        """
        entry = await self._events.get(event_id, is_restricted_visible=is_restricted_visible, stream=stream)
        if entry is None:
            raise NotFoundError("There is no such entry.")
        return entry

    async def erase(
        self, unit: UnitOfWork, event_id: str, fields: Sequence[str], *, legal_basis: str, by_person: str
    ) -> LeafRef:
        """Erase details of an event for ever; the log keeps their salted hashes, and that they were erased.

        Args:
            unit: the caller's transaction; commit it.
            event_id: whose details.
            fields: which; those already gone are passed over.
            legal_basis: a code, such as `gdpr_art_17` or `retention`; public.
            by_person: `per_…` who erased.

        Raises:
            NotFoundError: none of these details exists.
        """
        erased = await self._events.erase(unit, event_id, fields)
        if not erased:
            raise NotFoundError("None of these details is there to erase.")
        return await self.append(
            unit,
            LeafDraft(
                kind=Kind.DETAIL_ERASED,
                streams=frozenset({event_id}),
                public={"legal_basis": legal_basis, "fields": len(erased)},
                details={"event": event_id, "erased": sorted(erased)},
                restricted={"person": by_person},
            ),
        )

    async def erase_words(self, unit: UnitOfWork, stream: str, *, legal_basis: str, by_person: str) -> int:
        """Erase for ever what an organisation or a person wrote themselves, in every event that concerns them.

        Args:
            unit: the caller's transaction; commit it.
            stream: whose: `org_…` or `per_…`.
            legal_basis: a code; public.
            by_person: `per_…` who erased; empty if that is the one who is gone.

        Returns:
            How many details were erased; without any there is no leaf.
        """
        erased = await self._events.erase_on(unit, stream, OWN_WORDS)
        if erased:
            await self.append(
                unit,
                LeafDraft(
                    kind=Kind.DETAIL_ERASED,
                    streams=frozenset({stream}),
                    public={"legal_basis": legal_basis, "fields": erased},
                    details={"stream": stream, "erased": list(OWN_WORDS)},
                    restricted={"person": by_person},
                ),
            )
        return erased

    def _announce(self, event_id: str, streams: frozenset[str]) -> None:
        self._bus.publish(ALL_TOPIC, event_id)
        for stream in sorted(streams):
            self._bus.publish(topic_of(stream), event_id)
