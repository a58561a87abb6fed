"""Each session is closed by two accounts: what the relay forwarded and what the site says it sent, signed.

They are written as they come, repeated ones once, and compared when both are there. One that is missing or does not
fit is an incident in the log, never silence. A site's own word for an end ends the session here too.
"""

import logging
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog, LeafDraft
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, InvalidError, LenspactError, NotFoundError
from gateway.live import leaves
from gateway.live.endings import Endings
from gateway.live.footage import footage_of, seconds_of
from gateway.live.grants import GrantDesk
from gateway.live.model import Account, EndReason, Session, counts_agree, reason_of_stop
from gateway.live.ports import DeviceKeys, SessionStore
from partner_agent.wire import classes
from partner_agent.wire.clock import Clock
from partner_agent.wire.messages import Interrupted, Refused, Stopped
from partner_agent.wire.tokens import Claims, TokenClass

ACCOUNT_DUE_S: Final = 120.0  # after the end; a site repeats its account every 15 s until it is noted
_LOG: Final = logging.getLogger("lenspact.live")


class Accounts:
    """Takes both sides' counts."""

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        audit: AuditLog,
        endings: Endings,
        grants: GrantDesk,
        keys: DeviceKeys,
        clock: Clock,
    ) -> None:
        self._database, self._store, self._audit = database, store, audit
        self._endings, self._grants, self._keys, self._clock = endings, grants, keys, clock

    async def forwarded(self, session_id: str, relay: Account) -> None:
        """The relay's count of a session that is over."""
        async with self._database.unit_of_work() as unit:
            await self._store.note(unit, session_id, relay=relay)
            await unit.commit(unaudited="the relay's count; it is compared with the site's, and a difference is a leaf")
        await self._reconcile(session_id)

    async def stopped(self, agent_id: str, message: Stopped) -> None:
        """A site's account. A repeated one changes nothing.

        Raises:
            InvalidError: not signed by this site.
            NotFoundError: not about a view of this site; it may be about a clip.
        """
        session, claims = await self._read(agent_id, classes.STOPPED, message.token)
        await self._endings.end(session.id, reason_of_stop(str(claims["reason"])))
        site = Account(seconds=float(claims["seconds"]), sent_bytes=int(claims["bytes"]))
        footage = footage_of(session, claims.get("footage"))
        leaf = leaves.accounted(session, site, footage)
        await self._note(session, site, leaf, footage_s=seconds_of(session, footage))

    async def interrupted(self, agent_id: str, message: Interrupted) -> None:
        """A site's account after a crash: two bounds, of which the later one counts.

        Raises:
            InvalidError: as for `stopped`.
        """
        session, claims = await self._read(agent_id, classes.INTERRUPTED, message.token)
        await self._endings.end(session.id, EndReason.OFFLINE)
        low, high = int(claims["seconds_min"]), int(claims["seconds_max"])
        site = Account(seconds=high, sent_bytes=int(claims["bytes_min"]))
        await self._note(session, site, leaves.interrupted(session, seconds_min=low, seconds_max=high))

    async def refused(self, agent_id: str, message: Refused) -> None:
        """A refusal, perhaps one nobody waits for any more; whoever asked writes it, here it is only acknowledged.

        One that names no session is of a grant that the site could not read, or had no room to: its answer said so.

        Raises:
            InvalidError: not signed by this site.
            NotFoundError: not about a view of this site.
        """
        claims = await self._claims(agent_id, classes.REFUSED, message.token)
        if claims.get("session"):
            await self._read(agent_id, classes.REFUSED, message.token)

    async def check_missing(self) -> None:
        """Write down which sites have not accounted for what they sent."""
        before = self._clock.now() - timedelta(seconds=ACCOUNT_DUE_S)
        for session in await self._store.unaccounted(ended_before=before):
            try:
                await self._close(session, leaves.counts_differed(session, site=session.site, relay=session.relay))
            except (LenspactError, SQLAlchemyError):
                _LOG.exception("the missing account of %s could not be written", session.id)

    async def _note(self, session: Session, site: Account, leaf: LeafDraft, *, footage_s: int | None = None) -> None:
        try:
            async with self._database.unit_of_work() as unit:
                await self._audit.append(unit, leaf)
                await self._store.note(unit, session.id, site=site, footage_s=footage_s)
                await unit.commit()
        except ConflictError:
            return  # the site repeats what it has not heard noted
        await self._reconcile(session.id)

    async def _reconcile(self, session_id: str) -> None:
        """Compare both accounts once both are there."""
        session = await self._store.get(session_id)
        if session is None or session.is_reconciled or session.is_open or session.site is None:
            return
        if session.relay is None and session.established_at is not None:
            return
        fits = session.relay is None or counts_agree(session.site, session.relay, is_live=not session.is_recorded)
        await self._close(
            session, None if fits else leaves.counts_differed(session, site=session.site, relay=session.relay)
        )

    async def _close(self, session: Session, leaf: LeafDraft | None) -> None:
        async with self._database.unit_of_work() as unit:
            if leaf is not None:
                await self._audit.append(unit, leaf)
            await self._store.note(unit, session.id, is_reconciled=True)
            await unit.commit(unaudited="" if leaf else "both accounts are there and fit")

    async def _read(self, agent_id: str, kind: TokenClass, token: str) -> tuple[Session, Claims]:
        claims = await self._claims(agent_id, kind, token)
        session = await self._store.get(str(claims.get("session", "")))
        if session is None or (session.agent_id, session.grant_id) != (agent_id, claims.get("jti")):
            raise NotFoundError("There is no such view of this site.")
        return session, claims

    async def _claims(self, agent_id: str, kind: TokenClass, token: str) -> Claims:
        key = await self._keys.device_key(agent_id)
        if key is None:
            raise InvalidError("This site is not paired any more.")
        return self._grants.statement(kind, token, key, agent_id)
