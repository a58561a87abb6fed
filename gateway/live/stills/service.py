"""Stills at the gateway: received from sites, read by whoever took them, deleted when their time is over.

A still is taken in only for the session it was granted for, once, and only as the bytes whose digest the site's device
signed. Its row and the entry in the log are one transaction; the file is written before and has no key without the row.
"""

import hashlib
import hmac
import logging
from datetime import timedelta
from typing import Final

import anyio
import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, InvalidError, LenspactError, NotFoundError, UnavailableError
from gateway.kernel.principal import Principal, Role
from gateway.live import leaves
from gateway.live.board import Board
from gateway.live.grants import GrantDesk
from gateway.live.model import Account, EndReason, Session, SessionState, step
from gateway.live.ports import DeviceKeys, SessionStore
from gateway.live.stills.model import Still
from gateway.live.stills.ports import StillRows, StillVault
from gateway.live.stills.taking import StillTaking
from partner_agent.wire import classes
from partner_agent.wire.clock import Clock, from_rfc3339
from partner_agent.wire.limits import STILL_BYTES
from partner_agent.wire.tokens import Claims
from policies.vocabulary import Act

EVERY_S: Final = 60.0
_ACCEPTED_S: Final = 5.0  # a site may hand over before its acceptance is written here
_LOOK_S: Final = 0.05
_JPEG: Final = b"\xff\xd8"
_LOG: Final = logging.getLogger("lenspact.live")
_NONE: Final = "There is no such still."


class Stills:
    """Takes them in, gives them out, forgets them.

    Attributes:
        taking: asks sites for new ones.
    """

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        rows: StillRows,
        vault: StillVault,
        audit: AuditLog,
        grants: GrantDesk,
        keys: DeviceKeys,
        board: Board,
        taking: StillTaking,
        token_key: bytes,
        keep: timedelta,
        clock: Clock,
    ) -> None:
        """`token_key`: makes the secrets of uploads; `keep`: how long a still is there."""
        self.taking = taking
        self._database, self._store, self._rows, self._vault = database, store, rows, vault
        self._audit, self._grants, self._keys, self._board = audit, grants, keys, board
        self._token_key, self._keep, self._clock = token_key, keep, clock

    # --- from sites

    async def receive(self, session_id: str, *, token: str, statement: str, jpeg: bytes) -> None:
        """Take in what a site hands over.

        1. The secret of this session. 2. A still that is on its way, not used before. 3. Signed by its device for
        exactly this session, grant and camera. 4. The bytes that were signed. 5. Permitted still.

        Raises:
            NotFoundError: 1.
            ConflictError: 2 or 5; nothing is kept.
            InvalidError: 3 or 4; nothing is kept.
            UnavailableError: the disk refused.
        """
        self.demand_token(session_id, token)  # 1
        session = await self._accepted(session_id)  # 2
        claims = await self._signed(session, statement)  # 3
        if claims["sha256"] != hashlib.sha256(jpeg).hexdigest() or not jpeg.startswith(_JPEG):  # 4
            raise InvalidError("This is not the picture that was signed.")
        if not 0 < len(jpeg) <= STILL_BYTES:
            raise InvalidError("This is too large for a still.")
        still = await self._kept(session, claims, statement, jpeg)
        if not await self._written(session, still):  # 5
            raise ConflictError("This still was ended.")
        self._board.take(session.id)

    def demand_token(self, session_id: str, token: str) -> None:
        """Before a byte of the body is read.

        Raises:
            NotFoundError: it is not the secret of this session.
        """
        if not hmac.compare_digest(token_of(self._token_key, session_id).encode(), token.encode()):
            raise NotFoundError(_NONE)

    async def _accepted(self, session_id: str) -> Session:
        until = self._clock.monotonic() + _ACCEPTED_S
        while True:
            session = await self._store.get(session_id)
            if session is None or session.act != Act.STILL_TAKE:
                raise NotFoundError(_NONE)
            if session.state is SessionState.ACCEPTED:
                return session
            if session.state is not SessionState.REQUESTED or self._clock.monotonic() >= until:
                raise ConflictError("This still was handed over, or was ended.")
            await self._clock.sleep(_LOOK_S)

    async def _signed(self, session: Session, statement: str) -> Claims:
        key = await self._keys.device_key(session.agent_id)
        if key is None:
            raise InvalidError("This site is not paired any more.")
        claims = self._grants.statement(classes.STILL, statement, key, session.agent_id)
        said = (claims["session"], claims["jti"], claims["camera"])
        if said != (session.id, session.grant_id, session.local_camera):
            raise InvalidError("This is the statement about another still.")
        return claims

    async def _kept(self, session: Session, claims: Claims, statement: str, jpeg: bytes) -> Still:
        """The file, and what will be its row.

        Raises:
            InvalidError: sizes or a time that are none.
            UnavailableError: the disk refused.
        """
        now = self._clock.now()
        width, height = claims["width"], claims["height"]
        if not (isinstance(width, int) and isinstance(height, int) and 0 < width <= 16_384 and 0 < height <= 16_384):
            raise InvalidError("This statement names no size of a picture.")
        try:
            taken_at = min(from_rfc3339(str(claims["taken_at"])), now)
            key = self._vault.new_key(session.id)
            nonce = await anyio.to_thread.run_sync(self._vault.write, session.id, key, jpeg)
        except ValueError as error:
            raise InvalidError("This statement names no time.") from error
        except OSError as error:
            raise UnavailableError("The still cannot be kept now.") from error
        return Still(
            id=session.id,
            person_id=session.person_id,
            camera_id=session.camera_id,
            sha256=str(claims["sha256"]),
            size_bytes=len(jpeg),
            width=width,
            height=height,
            statement=statement,
            wrapped_key=key,
            nonce=nonce,
            taken_at=taken_at,
            expires_at=now + self._keep,
        )

    async def _written(self, session: Session, still: Still) -> bool:
        """Row, end of the session and entry, in one; False where the session is over.

        The file of a still that is not kept goes, but for one whose commit was begun: its row may be there.
        """
        now = self._clock.now()
        change = step(SessionState.ENDED, established_at=now, ended_at=now, end_reason=EndReason.TAKEN)
        is_committing = False
        try:
            async with self._database.unit_of_work() as unit:
                if not await self._store.change(unit, session.id, change):
                    return False
                await self._store.note(unit, session.id, relay=Account(seconds=1.0, sent_bytes=still.size_bytes))
                await self._rows.add(unit, still)
                await self._audit.append(unit, leaves.still_taken(session, still))
                is_committing = True
                await unit.commit()
        finally:
            if not is_committing:
                await self._drop(still)
        return True

    async def _drop(self, still: Still) -> None:
        """Remove the file of a still that was not kept; without its row it has no key, so it may stay."""
        with anyio.CancelScope(shield=True):
            try:
                await anyio.to_thread.run_sync(self._vault.delete, still.id, still.wrapped_key)
            except OSError:
                _LOG.exception("the file of the still %s, which was not kept, could not be deleted", still.id)

    # --- to people

    async def look(self, principal: Principal, still_id: str) -> Still:
        """What is known of one, to whoever took it and to compliance.

        Raises:
            NotFoundError: there is none, it is another person's, or its time is over.
        """
        still = await self._rows.get(still_id)
        if still is None or still.expires_at <= self._clock.now():
            raise NotFoundError(_NONE)
        if still.person_id != principal.person_id and Role.COMPLIANCE not in principal.roles:
            raise NotFoundError(_NONE)
        return still

    async def read(self, principal: Principal, still_id: str) -> tuple[Still, bytes]:
        """The picture; that it was read is in the log before it is given.

        Raises:
            NotFoundError: as `look`.
            UnavailableError: the file cannot be read.
        """
        still = await self.look(principal, still_id)
        session = await self._store.get(still_id)
        if session is None:
            raise NotFoundError(_NONE)
        try:
            jpeg = await anyio.to_thread.run_sync(self._vault.read, still)
        except OSError as error:
            raise UnavailableError("The still cannot be read now.") from error
        async with self._database.unit_of_work() as unit:
            await self._audit.append(unit, leaves.still_read(session, still, by=principal))
            await unit.commit()
        return still, jpeg

    # --- what time brings

    async def run(self) -> None:
        """Forget what has expired, until cancelled."""
        while True:
            await self.sweep()
            await self._clock.sleep(EVERY_S)

    async def sweep(self) -> int:
        """Delete the stills whose time is over; how many. The row goes first: without its key a file is noise."""
        gone = 0
        for still in await self._rows.expired(self._clock.now()):
            try:
                async with self._database.unit_of_work() as unit:
                    await self._rows.delete(unit, still.id)
                    await unit.commit(unaudited="a still whose entry names when it expires")
                await anyio.to_thread.run_sync(self._vault.delete, still.id, still.wrapped_key)
            except (LenspactError, SQLAlchemyError, OSError):
                _LOG.exception("the still %s could not be deleted", still.id)
                continue
            gone += 1
        return gone


def token_of(token_key: bytes, session_id: str) -> str:
    """The secret that opens one session's upload."""
    return hmac.digest(token_key, b"still " + session_id.encode(), "sha256").hex()
