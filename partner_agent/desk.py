"""Takes each message of the gateway to the part that answers for it, and says the answer.

In every state (quarantined, clock_skew, overdue, paused) narrowings, a no, pause and end are taken. An ack is sent only
after running sessions were decided again. Grants are checked beside the reader, a bounded number at a time, so that a
slow name server never holds up a revocation.
"""

from collections.abc import Mapping
from typing import Final

import anyio.abc

from partner_agent.accounts import Accounts
from partner_agent.checks import Checks
from partner_agent.clips import ClipDesk
from partner_agent.grants import Gate, Permitted, Refusal
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.policy_store import NotTaken, Outcome, PolicyStore, Proposed, Stale, Taken
from partner_agent.ports import Outbox, Publisher
from partner_agent.proofs import Promises
from partner_agent.running import Running
from partner_agent.sessions import Sessions
from partner_agent.showing import Showings
from partner_agent.stills import StillDesk
from partner_agent.store import Store
from partner_agent.switches import Switches
from partner_agent.view_asks import ViewAsks
from partner_agent.wire import classes, statements
from partner_agent.wire import messages as m
from partner_agent.wire.check_messages import ConnectionCheck
from partner_agent.wire.clock import Clock, to_ms, to_rfc3339
from partner_agent.wire.frames import Unrecognized
from partner_agent.wire.ids import IdSource
from partner_agent.wire.playback_messages import CoverageAsk, Playback, ThumbnailsAsk, ViewSize
from partner_agent.wire.problems import Code, PolicyProblem
from partner_agent.wire.tokens import Signer, TokenClass, TokenError, hash_of

MAX_GRANTS: Final = 16  # being checked at one time; one more is refused with `limit`


class Desk:
    """One agent's answers to its gateway."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        ids: IdSource,
        identity: Identity,
        device: Signer,
        outbox: Outbox,
        policy: PolicyStore,
        switches: Switches,
        gate: Gate,
        sessions: Sessions,
        proofs: Promises,
        accounts: Accounts,
        clip_desk: ClipDesk,
        view_asks: ViewAsks,
        showings: Showings,
        still_desk: StillDesk,
        publisher: Publisher,
        checks: Checks,
    ) -> None:
        self._checks = checks
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self._identity, self._device, self._outbox = identity, device, outbox
        self._policy, self._switches, self._gate, self._sessions = policy, switches, gate, sessions
        self._proofs, self._accounts, self._clips = proofs, accounts, clip_desk
        self._view_asks, self._showings, self._publisher = view_asks, showings, publisher
        self._stills = still_desk
        self._tasks: anyio.abc.TaskGroup | None = None
        self._checking = 0

    @property
    def checks(self) -> Checks:
        """The site's look at its own connection."""
        return self._checks

    def bind(self, tasks: anyio.abc.TaskGroup) -> None:
        """The task group that owns the checking of grants and the sending of clips."""
        self._tasks = tasks
        self._showings.bind(tasks)
        self._checks.bind(tasks)

    def take(self, message: m.Message | Unrecognized) -> None:
        """One message, in order."""
        try:
            self._take(message)
        except Exception as error:  # noqa: BLE001 - the supervisor of messages: none of them ends the agent
            self._journal.add("fault", of=type(message).__name__, why=type(error).__name__)
            self._sessions.end_all("source_ended")  # it may have taken something back
            if isinstance(message, m.Message):
                self._problem(message, "malformed")

    def _take(self, message: m.Message | Unrecognized) -> None:
        match message:
            case Unrecognized():
                self._unsupported(message)
            case m.Policy() | m.PolicyNo() | m.PolicyRequest() | m.PolicyApproval() | m.GuardrailPack() | m.Pause():
                self._take_policy(message)
            case m.Grant() | m.Lease() | m.End():
                self._take_session(message)
            case m.Preserve() | m.PreserveRelease() | m.ClipAsk():
                self._take_clip(message)
            case m.ViewAsk() | m.ViewNo():
                self._take_view_ask(message)
            case Playback() | CoverageAsk() | ThumbnailsAsk():
                self._showings.take(message)
            case ViewSize():
                self._sessions.show(message.session, message.lines)
            case m.LogProof() | m.KeySets() | m.Noted() | ConnectionCheck():
                self._take_record(message)
            case m.Unsupported() | m.Problem():
                self._checks.refused(message.re)
                self._journal.add("gateway_problem", re=message.re)
            case _:
                self._problem(message, "unexpected")

    # --- policy

    def _take_policy(self, message: m.Message) -> None:
        match message:
            case m.Policy():
                outcome = self._policy.take(message.document, is_quarantined=self._switches.is_quarantined)
                self.settle(outcome, re=message.id)
            case m.PolicyNo():
                self._policy.no(message.sha256, by="owner")
                self._note(message)
            case m.PolicyRequest():
                in_force = self._policy.in_force
                document = dict(in_force.document.raw) if in_force else None
                self._outbox.post(m.PolicyDocument(id=self._ids.new("msg"), re=message.id, document=document))
            case m.PolicyApproval():
                outcome = self._policy.approve_by_passkey(message, is_quarantined=self._switches.is_quarantined)
                self.settle(outcome, re=message.id)
            case m.GuardrailPack():
                is_pack = self._policy.take_pack(message.pack) is not None
                self._note(message) if is_pack else self._problem(message, str(PolicyProblem.MALFORMED))
            case m.Pause():
                self._switches.pause(message.camera, by="owner")
                self._sessions.decide_again("paused")
                self._note(message)
            case _:
                raise AssertionError(message)

    def settle(self, outcome: Outcome, *, re: str | None) -> None:
        """What follows from an outcome: sessions are decided again, then the signed answer goes out.

        `re` is None for what happened on site: the ack then answers nothing, and is no less signed.
        """
        match outcome:
            case Taken():
                self._sessions.decide_again("policy")
                self.acknowledge(re)
            case Stale():
                self._outbox.post(
                    m.PolicyStale(id=self._ids.new("msg"), re=re, token=self._position(re, is_stale=True))
                )
            case Proposed(sha256=sha256, held_s=held_s):
                self._outbox.post(m.PolicyProposed(id=self._ids.new("msg"), re=re, sha256=sha256, held_s=held_s))
            case NotTaken(sha256=sha256, problem=problem):
                claims = {"re": re or "", "sha256": sha256, "code": str(problem)}
                token = self._sign(classes.POLICY_REFUSED, claims)
                self._outbox.post(m.PolicyRefused(id=self._ids.new("msg"), re=re, token=token))

    def end_hold(self) -> None:
        """End a hold whose time has passed, with what follows from it."""
        outcome = self._policy.tick(is_quarantined=self._switches.is_quarantined)
        if outcome is not None:
            self.settle(outcome, re=None)

    def acknowledge(self, re: str | None) -> None:
        """Say, signed, which document is in force; on a new link also unasked, so that a lost ack is made good."""
        self._outbox.post(m.PolicyAck(id=self._ids.new("msg"), re=re, token=self._position(re, is_stale=False)))

    def _position(self, re: str | None, *, is_stale: bool) -> str:
        at = self._policy.position
        kind = classes.POLICY_STALE if is_stale else classes.POLICY_ACK
        return self._sign(kind, {"re": re or "", "lineage": at.lineage, "seq": at.seq, "sha256": at.sha256})

    # --- sessions

    def _take_session(self, message: m.Message) -> None:
        match message:
            case m.Grant():
                assert self._tasks is not None
                if self._checking >= MAX_GRANTS:
                    self._refuse(message, Refusal(Code.LIMIT, 8))
                else:
                    self._checking += 1
                    self._tasks.start_soon(self._check, message)
            case m.Lease():
                if not self._sessions.lease(message.token):
                    self._journal.add("lease_refused")
            case m.End():
                if not self._sessions.end(message.session, "asked"):
                    self._problem(message, "unknown_session")
            case _:
                raise AssertionError(message)

    async def _check(self, message: m.Grant) -> None:
        try:
            await self.grant(message)
        finally:
            self._checking -= 1

    async def grant(self, message: m.Grant) -> None:
        """Check one grant, and open its session or refuse it."""
        try:
            outcome = await self._gate.check(message.token)
        except Exception as error:  # noqa: BLE001 - the supervisor of grants: none of them ends the agent
            outcome = Refusal(Code.GRANT_INVALID, 1, f"it cannot be checked: {type(error).__name__}")
        if isinstance(outcome, Refusal):
            self._refuse(message, outcome)
        else:
            self._begin(message, outcome)

    def _begin(self, message: m.Grant, outcome: Permitted) -> None:
        """Open its session, say so, and start what it gives."""
        assert self._tasks is not None
        running = self._sessions.open(outcome)
        grant = outcome.grant
        claims = {
            "re": message.id,
            "jti": grant.jti,
            "session": grant.session,
            "camera": grant.camera,
            "grant_sha256": hash_of(message.token),
            "fingerprint": self._publisher.fingerprint if grant.publish else None,
        }
        token = self._sign(classes.ACCEPTED, claims)
        self._outbox.post(m.Accepted(id=self._ids.new("msg"), re=message.id, token=token))
        if running.clip is not None:
            self._tasks.start_soon(self._send, self._clips, running)
        elif grant.still is not None:
            self._tasks.start_soon(self._send, self._stills, running)
        else:
            self._sessions.start_live(running)

    async def _send(self, desk: ClipDesk | StillDesk, running: Running) -> None:
        try:
            await desk.send(running, self._sessions)
        except Exception as error:  # noqa: BLE001 - the supervisor of files: none of them ends the agent
            self._sessions.fault(running, error)

    def _refuse(self, message: m.Grant, refusal: Refusal) -> None:
        grant = refusal.grant
        claims: dict[str, object] = {
            "re": message.id,
            "grant_sha256": hash_of(message.token),
            "code": str(refusal.code),
            "jti": grant.jti if grant else None,
            "session": grant.session if grant else None,
        }
        with self._store.transaction() as db:
            if grant is not None:  # a refusal closes its grant: it cannot be accepted later
                values = ("jti", grant.jti, to_ms(self._clock.now()))
                db.execute("INSERT OR IGNORE INTO used VALUES (?, ?, ?)", values)
            answer = self._accounts.say("refused", claims, re=message.id)
            self._journal.add(
                "refused",
                code=str(refusal.code),
                check=refusal.check,
                why=refusal.sentence,
                camera=grant.camera if grant else None,
                purpose=grant.purpose if grant else None,
                agency=grant.subject.agency if grant else None,
            )
        self._outbox.post(answer)
        if refusal.code is Code.POLICY_STALE:
            self.settle(Stale(self._policy.position), re=message.id)

    # --- clips

    def _take_clip(self, message: m.Message) -> None:
        match message:
            case m.Preserve() | m.ClipAsk():
                held = self._clips.preserve(message.request, is_asked=isinstance(message, m.ClipAsk))
                ranges = [[to_rfc3339(item.start), to_rfc3339(item.end)] for item in held.ranges]
                claims = {
                    "re": message.id,
                    "request_sha256": held.request_sha256,
                    "code": held.code,
                    "until": held.until,
                    "ranges": ranges,
                }
                token = self._sign(classes.PRESERVED, claims)
                self._outbox.post(m.Preserved(id=self._ids.new("msg"), re=message.id, token=token))
            case m.PreserveRelease():
                self._clips.release(message.request_sha256)
                self._note(message)
            case _:
                raise AssertionError(message)

    # --- live views to be asked for

    def _take_view_ask(self, message: m.ViewAsk | m.ViewNo) -> None:
        match message:
            case m.ViewAsk():
                code = self._view_asks.ask(message.request)
                self._problem(message, str(code)) if code else self._note(message)
            case m.ViewNo():
                self._view_asks.no(message.request_sha256)
                self._sessions.decide_again("policy")
                self._note(message)

    # --- the rest

    def _take_record(self, message: m.Message) -> None:
        match message:
            case ConnectionCheck():
                self._checks.take(message)
            case m.LogProof():
                if self._proofs.take(message):
                    self._sessions.end_all("contradiction")
            case m.KeySets():
                self._take_key_sets(message)
            case m.Noted():
                self._accounts.noted(message.re or "")
            case _:
                raise AssertionError(message)

    def _unsupported(self, message: Unrecognized) -> None:
        self._journal.add("unsupported", tag=message.tag)
        answer = message.answer(self._ids.new("msg"))
        if answer is not None:
            self._outbox.post(answer)

    def _take_key_sets(self, message: m.KeySets) -> None:
        try:
            if self._identity.advance(message.tokens):
                self._journal.add("key_set", version=self._identity.key_set.version)
        except TokenError as error:
            self._journal.add("key_set_refused", why=str(error))
            self._problem(message, "key_set")
            return
        self._note(message)

    def _note(self, message: m.Message) -> None:
        self._outbox.post(m.Noted(id=self._ids.new("msg"), re=message.id))

    def _problem(self, message: m.Message, code: str) -> None:
        if not message.is_answer:
            self._outbox.post(m.Problem(id=self._ids.new("msg"), re=message.id, code=code))

    def _sign(self, kind: TokenClass, claims: Mapping[str, object]) -> str:
        mine = self._identity
        return statements.make(
            kind, claims, signer=self._device, agent=mine.agent, gateway=mine.gateway, now=self._clock.now()
        )
