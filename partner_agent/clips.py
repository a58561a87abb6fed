"""Recordings: kept from being overwritten at once, asked about on site, released once, accounted like any session.

`preserve` and `clip_ask` give no access. The owner's answer is signed over the digest of the request; a clip grant must
carry the same document (grants, check 6). Cutting and uploading are done by ports.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec

from partner_agent.accounts import Accounts
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.policy_store import PolicyStore
from partner_agent.ports import Cut, HeldRange, MediaError, Outbox, OwnerNotice, Recordings, Uploader
from partner_agent.running import Running
from partner_agent.sessions import Sessions
from partner_agent.store import Store
from partner_agent.wire import classes, clips, statements
from partner_agent.wire.clips import ClipRequest, ClipRequestError
from partner_agent.wire.clock import Clock, from_ms, to_ms, to_rfc3339
from partner_agent.wire.documents import CLIP_LABEL
from partner_agent.wire.ids import IdSource
from partner_agent.wire.messages import ClipCapture, ClipProgress
from partner_agent.wire.problems import Code
from partner_agent.wire.tokens import Signer

MAX_HOLDS: Final = 64  # requests held at one time
ANSWERS: Final = frozenset({"yes", "yes_unmasked", "no"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that waits for the owner, or was answered."""

    request: ClipRequest
    answer: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """The answer to `preserve`: `held` with its ranges, or a refusal code."""

    request_sha256: str
    code: str
    until: str | None = None
    ranges: tuple[HeldRange, ...] = ()


class ClipDesk:
    """Requests for recordings of this site."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        ids: IdSource,
        identity: Identity,
        policy: PolicyStore,
        device: Signer,
        accounts: Accounts,
        outbox: Outbox,
        notice: OwnerNotice,
        recordings: Recordings,
        uploader: Uploader,
    ) -> None:
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self._identity, self._policy, self._device = identity, policy, device
        self._accounts, self._outbox, self._notice = accounts, outbox, notice
        self._recordings, self._uploader = recordings, uploader

    # --- keep

    def preserve(self, raw: dict[str, Any], *, is_asked: bool) -> Held:
        """Hold what the request names, at once; with `is_asked`, put it before the owner as well."""
        try:
            request = clips.parse(raw)
        except ClipRequestError:
            return Held("", str(Code.GRANT_INVALID))
        until = self._until(request)
        if isinstance(until, Code):
            self._journal.add("preserve_refused", request=request.request_id, code=str(until))
            return Held(request.sha256, str(until))
        try:
            ranges = tuple(
                self._recordings.hold(request.sha256, request.camera, request.start, request.end, from_ms(until))
            )
        except MediaError as error:
            self._journal.add("preserve_refused", request=request.request_id, code=str(error.code))
            return Held(request.sha256, str(error.code))
        self._write_hold(request, until, is_asked=is_asked)
        return Held(request.sha256, "held", to_rfc3339(from_ms(until)), ranges)

    def _until(self, request: ClipRequest) -> int | Code:
        mine, in_force, now = self._identity, self._policy.in_force, self._clock.now()
        named = (request.lineage, request.site, request.partner)
        if named != (self._policy.position.lineage, mine.site, mine.partner) or now >= request.expiry:
            return Code.GRANT_INVALID
        if in_force is None or request.camera not in in_force.policy.camera_by_id:
            return Code.NOT_SHARED
        limit = timedelta(seconds=in_force.policy.envelope.hold_s)
        if not limit or self._count(request.sha256) >= MAX_HOLDS:
            return Code.LIMIT
        return min(to_ms(request.expiry), to_ms(now + limit))

    def _write_hold(self, request: ClipRequest, until_ms: int, *, is_asked: bool) -> None:
        with self._store.transaction() as db:
            values = (request.sha256, json.dumps(msgspec.to_builtins(request)), until_ms, int(is_asked))
            is_new = not db.execute("SELECT 1 FROM hold WHERE sha256 = ?", (request.sha256,)).fetchone()
            db.execute(
                "INSERT INTO hold (sha256, raw, until_ms, is_asked) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (sha256) DO UPDATE SET is_asked = max(is_asked, excluded.is_asked)",
                values,
            )
            if is_new:
                self._journal.add("preserved", request=request.request_id, camera=request.camera, is_asked=is_asked)
        if is_asked:
            self._notice.tell("clip_ask", "Somebody asks for a recording; answer on the agent's page.")

    def release(self, request_sha256: str) -> None:
        """Let go of a hold: the gateway or the owner no longer wants it."""
        self._recordings.release(request_sha256)
        with self._store.transaction() as db:
            if db.execute("DELETE FROM hold WHERE sha256 = ?", (request_sha256,)).rowcount:
                self._journal.add("released", request_sha256=request_sha256)

    def sweep(self) -> None:
        """Let go of what has expired."""
        now_ms = to_ms(self._clock.now())
        for row in self._store.rows("SELECT sha256 FROM hold WHERE until_ms <= ?", now_ms):
            self.release(row["sha256"])

    # --- ask

    def asked(self) -> list[Asked]:
        """Requests put before the owner, newest first."""
        rows = self._store.rows("SELECT raw, answer FROM hold WHERE is_asked = 1 ORDER BY rowid DESC")
        return [Asked(clips.parse(json.loads(row["raw"])), row["answer"]) for row in rows]

    def answer(self, request: ClipRequest) -> str | None:
        """What the owner said to exactly this request."""
        rows = self._store.rows("SELECT answer FROM hold WHERE sha256 = ?", request.sha256)
        return rows[0]["answer"] if rows else None

    def decide(self, request_sha256: str, answer: str) -> bool:
        """The owner's answer, given on site (the caller has checked the PIN for a yes); False if nothing waits."""
        rows = self._store.rows("SELECT raw FROM hold WHERE sha256 = ? AND is_asked = 1", request_sha256)
        if not rows or answer not in ANSWERS:
            return False
        with self._store.transaction() as db:
            db.execute("UPDATE hold SET answer = ? WHERE sha256 = ?", (answer, request_sha256))
            claims: dict[str, object] = {"label": CLIP_LABEL, "digest": request_sha256, "answer": answer}
            message = self._accounts.say("clip_answer", claims)
            self._journal.add("clip_answer", request_sha256=request_sha256, answer=answer)
        self._outbox.post(message)
        return True

    # --- release

    async def send(self, running: Running, sessions: Sessions) -> None:
        """Cut, sign what was cut, upload, account; ends its session whatever happens."""
        request, grant = running.clip, running.grant
        assert request is not None
        assert grant.clip is not None
        cut: Cut | None = None
        is_over = False
        with running.scope:
            try:
                cut = await self._recordings.cut(request.camera, request.start, request.end)
                self._announce(running, request, cut)
                sent = await self._uploader.upload(
                    cut,
                    url=grant.clip.upload_url,
                    token=grant.clip.upload_token,
                    on_progress=lambda count: self._progress(running, count, cut),
                )
                running.sent_bytes = max(running.sent_bytes, sent)
                is_over = True
                sessions.end(grant.session, "finished")
            except MediaError as error:
                is_over = True
                sessions.end(grant.session, str(error.code))
            finally:  # a program that ends keeps an announced file: the next start goes on with it
                if cut is not None and (is_over or running.scope.cancel_called):
                    self._recordings.discard(cut)

    def _announce(self, running: Running, request: ClipRequest, cut: Cut) -> None:
        """`capture`, signed before the first byte is uploaded."""
        mine, grant = self._identity, running.grant
        claims = {
            "session": grant.session,
            "jti": grant.jti,
            "request_sha256": request.sha256,
            "capture": cut.capture,
        }
        token = statements.make(
            classes.CAPTURE, claims, signer=self._device, agent=mine.agent, gateway=mine.gateway, now=self._clock.now()
        )
        self._journal.add("capture", session=grant.session, capture=cut.capture)
        self._outbox.post(ClipCapture(id=self._ids.new("msg"), token=token))

    def _progress(self, running: Running, sent_bytes: int, cut: Cut | None) -> None:
        running.sent_bytes = max(running.sent_bytes, sent_bytes)
        if cut is not None:
            self._outbox.post(
                ClipProgress(
                    id=self._ids.new("msg"),
                    session=running.grant.session,
                    sent_bytes=sent_bytes,
                    total_bytes=cut.size_bytes,
                )
            )

    def _count(self, without: str) -> int:
        return int(self._store.rows("SELECT count(*) AS n FROM hold WHERE sha256 != ?", without)[0]["n"])
