"""The gate: the numbered checks of a grant, in the order of the protocol (docs/ref/wire.md, "Grants").

1. Signed by the key set's grant key, for this agent and lineage.   2. `fresh` is this link's own, at most 60 s old.
3. `jti` and `session` unused.   4. `policy_sha256` is in force.   5. Camera ticked, present, not paused.
6. The site's own `decide()` permits, and the grant carries every obligation at least as strictly.
7. The leaf is this grant's, promised, used once; no promise is overdue.   8. Addresses and site limits.
The first that fails gives the code. What passes all is used up in the same transaction that opens its session; nothing
here talks to a camera or a relay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from partner_agent.addresses import AddressError, AddressRules
from partner_agent.asking import Asking, SiteAnswers
from partner_agent.identity import Identity
from partner_agent.masks import Masks
from partner_agent.policy_store import PolicyStore
from partner_agent.ports import Cameras, Limits, Players, Publisher, Stills
from partner_agent.proofs import Promises
from partner_agent.questions import QuestionError, SiteFacts, acts_of, layers_of, request_of, tightest
from partner_agent.store import Store
from partner_agent.switches import Switches
from partner_agent.timekeeping import ClockGuard, FreshValues
from partner_agent.wire import clips, promises
from partner_agent.wire.approvals import ApprovalError
from partner_agent.wire.clips import ClipRequest, ClipRequestError
from partner_agent.wire.clock import Clock, has_come, to_ms
from partner_agent.wire.documents import CLIP_LABEL
from partner_agent.wire.grants import Grant, ReadGrant, check_leaf, parse
from partner_agent.wire.limits import MAX_OUTSTANDING_PROMISES, RECORDED_AHEAD_S
from partner_agent.wire.problems import Code
from partner_agent.wire.promises import Promise
from partner_agent.wire.tokens import TokenError
from partner_agent.wire.views import ViewRequestError
from policies.decide import decide
from policies.footage import is_before_call
from policies.obligations import unmet
from policies.request import Approval, Deny, Permit, Request, Usage

PROOF_ROOM_S: Final = 4.0  # how long a grant waits for a proof when 16 promises are outstanding
_ROOM_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Permitted:
    """Every check passed; to be opened at once, in the transaction that uses up its ids."""

    read: ReadGrant
    permit: Permit
    limits: Limits
    promise: Promise
    clip: ClipRequest | None

    @property
    def grant(self) -> Grant:
        """The grant itself."""
        return self.read.grant


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first check that failed."""

    code: Code
    check: int
    sentence: str = ""
    grant: Grant | None = None


class Gate:
    """Checks grants against the state of this site."""

    def __init__(
        self,
        *,
        identity: Identity,
        policy: PolicyStore,
        store: Store,
        clock: Clock,
        clock_guard: ClockGuard,
        fresh: FreshValues,
        switches: Switches,
        cameras: Cameras,
        masks: Masks,
        publisher: Publisher,
        players: Players,
        stills: Stills,
        proofs: Promises,
        asking: Asking,
        on_site: SiteAnswers,
        addresses: AddressRules,
        usage: Callable[[str | None], Usage],
        opening: Callable[[], Sequence[tuple[str, Limits]]],
        max_views: int,
    ) -> None:
        self._identity, self._policy, self._store, self._clock = identity, policy, store, clock
        self._clock_guard, self._fresh, self._switches, self._cameras = clock_guard, fresh, switches, cameras
        self._masks, self._publisher, self._players, self._proofs = masks, publisher, players, proofs
        self._stills = stills
        self._asking, self._on_site = asking, on_site
        self._addresses, self._usage, self._max_views = addresses, usage, max_views
        self._opening = opening

    async def check(self, token: str) -> Permitted | Refusal:
        """All checks. What needs the network is asked first and judged in its place; the rest is one step."""
        read = self._signed(token)  # 1
        if isinstance(read, Refusal):
            return read
        url_problem = await self._url_problem(read.grant)  # judged at 8
        await self._proof_room()
        return self._checked(read, url_problem)

    def decide_again(self, grant: Grant, clip: ClipRequest | None, now: datetime) -> Permit | None:
        """What the site would decide on a running session now; None ends it."""
        is_paused = self._switches.is_paused(grant.camera)
        try:
            request = request_of(grant, partner=self._identity.partner, now=now, clip=clip)
        except QuestionError:
            return None
        approval = self._asking.again(grant, clip, now)
        decision = self._decide(request, grant, approval, is_paused=is_paused)
        return decision if isinstance(decision, Permit) else None

    # --- the numbered checks

    def _signed(self, token: str) -> ReadGrant | Refusal:
        """1. Typ, audience, signature, shape; then the agent's own fitness, which only a real grant may learn of."""
        mine, now = self._identity, self._clock.now()
        is_skewed = self._clock_guard.is_skewed()
        try:
            keys = mine.key_set.live("grant", now)
            read = parse(token, keys, gateway=mine.gateway, agent=mine.agent, now=None if is_skewed else now)
        except TokenError as error:
            return Refusal(Code.GRANT_INVALID, 1, str(error))
        if self._switches.is_quarantined:
            return Refusal(Code.QUARANTINED, 1, grant=read.grant)
        if is_skewed:
            return Refusal(Code.CLOCK_SKEW, 1, grant=read.grant)
        if read.grant.lineage != self._policy.position.lineage:
            return Refusal(Code.GRANT_INVALID, 1, "another lineage", read.grant)
        return read

    def _checked(self, read: ReadGrant, url_problem: str) -> Permitted | Refusal:
        grant = read.grant
        if self._fresh.sent_at(grant.fresh) is None:  # 2
            return Refusal(Code.REPLAYED, 2, "not answered to a heartbeat of this link", grant)
        if self._is_used("jti", grant.jti) or self._is_used("session", grant.session):  # 3
            return Refusal(Code.REPLAYED, 3, "used before", grant)
        if grant.policy_sha256 != self._policy.position.sha256:  # 4
            return Refusal(Code.POLICY_STALE, 4, grant=grant)
        refused = self._camera_problem(grant)  # 5
        if refused:
            return refused
        decided = self._permitted(grant)  # 6
        if isinstance(decided, Refusal):
            return decided
        permit, limits, clip = decided
        promise = self._promised(read)  # 7
        if isinstance(promise, Refusal):
            return promise
        refused = self._limit_problem(grant, limits, url_problem)  # 8
        return refused or Permitted(read=read, permit=permit, limits=limits, promise=promise, clip=clip)

    def _camera_problem(self, grant: Grant) -> Refusal | None:
        """5. Ticked (in the document), present (known here, answering), not paused."""
        in_force = self._policy.in_force
        camera = next((info for info in self._cameras.known() if info.id == grant.camera), None)
        if in_force is None or grant.camera not in in_force.policy.camera_by_id or camera is None:
            return Refusal(Code.NOT_SHARED, 5, grant=grant)
        if self._switches.is_paused(grant.camera):
            return Refusal(Code.PAUSED, 5, grant=grant)
        if camera.state == "auth_failed":
            return Refusal(Code.CAMERA_AUTH, 5, grant=grant)
        if camera.state == "gone" and grant.clip is None and grant.recorded is None:
            return Refusal(Code.CAMERA_UNREACHABLE, 5, grant=grant)
        return None

    def _permitted(self, grant: Grant) -> tuple[Permit, Limits, ClipRequest | None] | Refusal:
        """6. The own decision, then the obligations point by point, then what can be enforced here."""
        try:
            clip = self._clip_of(grant)
            now = self._clock.now()
            request = request_of(grant, partner=self._identity.partner, now=now, clip=clip)
            approval = self._asking.first(grant, clip, now)
        except (QuestionError, ClipRequestError, ViewRequestError, ApprovalError) as error:
            return Refusal(Code.POLICY_DENIES, 6, str(error), grant)
        if request.act not in acts_of(grant):
            return Refusal(Code.POLICY_DENIES, 6, "this act does not go with this kind of release", grant)
        if is_before_call(request):
            return Refusal(Code.POLICY_DENIES, 6, "the recording begins too long before the call", grant)
        decision = self._decide(request, grant, approval, is_paused=False)
        if isinstance(decision, Deny):
            return Refusal(Code.POLICY_DENIES, 6, decision.explanation, grant)
        missing = unmet(decision.obligations, grant.obligations)
        if missing:
            return Refusal(Code.OBLIGATION_UNKNOWN, 6, f"{missing} is unknown or carried less strictly", grant)
        limits = tightest(decision, grant)
        if clip is not None and limits.masks and self._on_site.answer(clip) != "yes_unmasked":
            return Refusal(Code.POLICY_DENIES, 6, "the recording has no masks, and nobody approved it unmasked", grant)
        code = self._media_problem(grant, limits)
        if code is not None:
            return Refusal(code, 6, grant=grant)
        return decision, limits, clip

    def _media_problem(self, grant: Grant, limits: Limits) -> Code | None:
        """What cannot be enforced on the picture, or cannot be had, as far as is known before it is opened."""
        if grant.clip is not None:
            return None
        if grant.still is not None:
            return self._stills.refusal(grant.camera, limits)
        if grant.recorded is not None:
            return self._players.refusal(grant.camera, limits)
        return self._publisher.refusal(grant.camera, limits, self._opening())

    def _promised(self, read: ReadGrant) -> Promise | Refusal:
        """7. The leaf is of this grant, promised by the pinned log, not used before; nothing is overdue."""
        mine, grant = self._identity, read.grant
        try:
            leaf_hash = check_leaf(read)
            keys = mine.key_set.live("promise", self._clock.now())
            promise = promises.parse(grant.promise, keys, gateway=mine.gateway, origin=mine.log_origin)
        except TokenError as error:
            return Refusal(Code.PROMISE_INVALID, 7, str(error), grant)
        if promise.leaf_hash != leaf_hash or self._is_used("leaf", leaf_hash):
            return Refusal(Code.PROMISE_INVALID, 7, "the promise is of another leaf, or the leaf was used", grant)
        if self._proofs.is_broken:
            return Refusal(Code.PROMISE_OVERDUE, 7, grant=grant)
        return promise

    def _limit_problem(self, grant: Grant, limits: Limits, url_problem: str) -> Refusal | None:
        """8. Addresses, relay, room for one more promise and one more view."""
        if url_problem:
            return Refusal(Code.GRANT_INVALID, 8, url_problem, grant)
        if grant.publish and grant.publish.relay_fingerprint not in self._identity.key_set.relay_fingerprints:
            return Refusal(Code.GRANT_INVALID, 8, "the relay is not one of the key set's", grant)
        ahead = timedelta(seconds=RECORDED_AHEAD_S)
        if grant.recorded is not None and grant.recorded.last > self._clock.now() + ahead:
            return Refusal(Code.LIMIT, 8, "a recording of what has not happened yet", grant)
        is_full = grant.clip is None and self._usage(None).views_now >= self._max_views
        if is_full or limits.seconds < 1 or self._proofs.outstanding >= MAX_OUTSTANDING_PROMISES:
            return Refusal(Code.LIMIT, 8, grant=grant)
        return None

    # --- what they stand on

    def use_up(self, permitted: Permitted) -> None:
        """Write down that its ids are used; inside the transaction that opens the session."""
        grant, at_ms = permitted.grant, to_ms(self._clock.now())
        used = [("jti", grant.jti), ("session", grant.session), ("leaf", permitted.promise.leaf_hash)]
        request_id = self._asking.request_id(grant, permitted.clip)
        if request_id is not None:
            used.append(("request", request_id))
        with self._store.transaction() as db:
            db.executemany("INSERT INTO used VALUES (?, ?, ?)", [(*pair, at_ms) for pair in used])

    def _decide(self, request: Request, grant: Grant, approval: Approval | None, *, is_paused: bool) -> Permit | Deny:
        facts = SiteFacts(
            is_paused=is_paused,
            is_camera_present=any(info.id == grant.camera for info in self._cameras.known()),
            drawn_masks=self._masks.names(grant.camera),
            panic_until=self._switches.panic_until,
            approval=approval,
            usage=self._usage(grant.session),
        )
        return decide(layers_of(self._policy.in_force, facts, grant), request)

    def _clip_of(self, grant: Grant) -> ClipRequest | None:
        """The request a clip grant answers: of this site and lineage, naming what the grant names, not answered yet."""
        if grant.clip is None:
            return None
        request, mine = clips.parse(grant.clip.request), self._identity
        said = (request.lineage, request.site, request.partner, request.camera, request.purpose, request.agency)
        meant = (grant.lineage, mine.site, mine.partner, grant.camera, grant.purpose, grant.subject.agency)
        if said != meant or request.incident != (grant.incident.ref if grant.incident else None):
            raise ClipRequestError("the request is of another site, camera or reason than the grant")
        now = self._clock.now()
        if now >= request.expiry or not has_come(request.created, now):
            raise ClipRequestError("the request is over, or of a time to come")
        if self._is_used("request", request.request_id):
            raise ClipRequestError("the request has released its file")
        if grant.approval is not None and grant.approval.label != CLIP_LABEL:
            raise ClipRequestError("an approval of another kind")
        return request

    async def _url_problem(self, grant: Grant) -> str:
        taken = grant.clip or grant.still
        url = grant.publish.whip_url if grant.publish else taken.upload_url if taken else ""
        try:
            await self._addresses.target(url, self._identity.key_set)
        except AddressError as error:
            return str(error)
        return ""

    async def _proof_room(self) -> None:
        """Wait a little for a proof if too many promises are outstanding (8 says `limit` if it was in vain)."""
        waited_s = 0.0
        while self._proofs.outstanding >= MAX_OUTSTANDING_PROMISES and waited_s < PROOF_ROOM_S:
            await self._clock.sleep(_ROOM_POLL_S)
            waited_s += _ROOM_POLL_S

    def _is_used(self, kind: str, value: str) -> bool:
        return bool(self._store.rows("SELECT 1 FROM used WHERE kind = ? AND value = ?", kind, value))
