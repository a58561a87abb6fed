"""One agent, one relay, one session id, up to three grants: leases, revocation, crashes and the account (section 4).

Time is ticks of five seconds. A `fresh` is its age, and one of another link is never young again. An honest gateway's
messages may arrive late, again, in any order or never; a lying one composes whatever its keys can sign, at any time.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

NO_LEASE = "media without a live lease"
TWICE = "a grant was accepted twice"
RESUMED = "an ended session ran again"
REOPENED = "a grant that was refused was accepted later"
UNACCOUNTED = "seconds nobody accounts for"
FORBIDDEN = "media that the document in force forbids, or while paused"
ENDED_BY_OLD = "an honest session was ended by a batch that could not know it"
FORWARDED = "something was forwarded once a revocation was answered"
DOWN = "an act on site, and an honest gateway, do not bring service back"

LIFE = 2  # ticks a lease lives
NONE, LIVE, ENDED, CRASHED = "none", "live", "ended", "crashed"
IDLE, ASKED, OPEN, REVOKING, DONE = "idle", "asked", "open", "revoking", "done"


class Grant(NamedTuple):
    """What a grant names; `age` is of its fresh, None once its link is gone."""

    jti: int
    age: int | None
    lineage: int
    version: int


class Batch(NamedTuple):
    """What a batch of leases names."""

    n: int
    age: int | None
    listed: frozenset[int]


class World(NamedTuple):
    """The agent's state, then the gateway's, then ghosts and what may still happen."""

    is_up: bool = True
    lineage: int = 0
    version: int = 1  # of the document in force
    permits: bool = True
    is_paused: bool = False
    is_skewed: bool = False
    state: str = NONE
    jti: int | None = None
    lease: int = 0  # ticks it still lives; -1: no lease was asked for yet
    since: int = 0  # ticks since accepted
    sent: int = 0
    kept: int = 0  # what is durable of it
    used: frozenset[int] = frozenset()
    has_used_session: bool = False
    n: int = 0
    link_age: int = 0
    gateway: str = IDLE
    gateway_n: int = 0
    is_known: bool = False  # accepted arrived
    account: tuple[object, ...] = ()
    relay: int = 0  # ticks its lease lives; -1: not forwarding
    net: frozenset[tuple[str, object]] = frozenset()
    taken: frozenset[tuple[int, int]] = frozenset()
    refused: frozenset[tuple[int, int]] = frozenset()
    batches: int = 0
    odd: frozenset[str] = frozenset()


class Sessions:
    """The part of the protocol about sessions. `fresh_life` in ticks; `progress`: ticks between durable counts."""

    def __init__(
        self,
        rules: frozenset[Rule] = ALL,
        *,
        is_lying: bool,
        batches: int = 3,
        fresh_life: int = 3,
        progress: int = 2,
        odd: frozenset[str] = frozenset(),
    ) -> None:
        self.rules, self.is_lying, self.fresh_life, self.progress = rules, is_lying, fresh_life, progress
        self.start = World(relay=-1, batches=batches, odd=odd)

    # --- the agent

    def take_grant(self, w: World, grant: Grant) -> After:
        """The numbered checks, as far as they matter here, and what follows."""
        code = self._problem(w, grant)
        if code:
            is_news = code != "replayed"
            w = w._replace(
                used=w.used | {grant.jti} if Rule.BURN in self.rules else w.used,
                refused=w.refused | {(grant.lineage, grant.jti)} if is_news else w.refused,
            )
            return After(self._say(w, "refused", (grant.jti, code)) if is_news else w, code)
        broken = []
        if w.state in {ENDED, CRASHED}:
            broken.append(RESUMED)
        if (grant.lineage, grant.jti) in w.taken:
            broken.append(TWICE)
        if (grant.lineage, grant.jti) in w.refused:
            broken.append(REOPENED)
        after = w._replace(
            state=LIVE, jti=grant.jti, lease=LIFE if Rule.FIRST in self.rules else -1, since=0, sent=0, kept=0,
            used=w.used | {grant.jti}, has_used_session=True, taken=w.taken | {(grant.lineage, grant.jti)},
        )  # fmt: skip
        return After(self._say(after, "accepted", (grant.jti,)), "accepted", tuple(broken))

    def _problem(self, w: World, grant: Grant) -> str:
        is_session_used = (w.has_used_session and Rule.SESSION in self.rules) or w.state == LIVE
        checks = (
            ("clock_skew", w.is_skewed),
            ("grant_invalid", grant.lineage != w.lineage),
            ("replayed", grant.age is None or grant.age > self.fresh_life),
            ("replayed", grant.jti in w.used or is_session_used),
            ("policy_stale", grant.version != w.version),
            ("not_shared", w.version == 0),
            ("paused", w.is_paused),
            ("policy_denies", not w.permits),
        )
        return next((code for code, holds in checks if holds), "")

    def take_batch(self, w: World, batch: Batch) -> After:
        """Prolong, or end by absence."""
        if batch.n <= w.n or batch.age is None or batch.age > LIFE:
            return After(w, "not for now")
        w, broken = w._replace(n=batch.n), ()
        if w.state != LIVE:
            return After(w, "taken")
        if w.jti in batch.listed:
            w = w._replace(lease=max(w.lease, LIFE - batch.age))
        elif Rule.ABSENT not in self.rules or batch.age < w.since:
            if not self.is_lying and w.gateway in {ASKED, OPEN} and batch.age >= w.since:
                broken = (ENDED_BY_OLD,)
            w = self._end(w)
        return After(w, "taken", broken)

    def _end(self, w: World) -> World:
        return self._say(w._replace(state=ENDED, lease=0, since=0), "stopped", (w.sent, w.sent))

    def _tick(self, w: World) -> After:
        broken, is_sending = [], w.is_up and w.state == LIVE
        if is_sending:
            broken += [NO_LEASE] if w.lease <= 0 else []
            broken += [FORBIDDEN] if not w.permits or w.is_paused else []
            broken += [FORWARDED] if w.relay >= 0 and w.gateway == DONE else []
            sent = min(w.sent + 1, 4)
            w = w._replace(sent=sent, since=min(w.since + 1, LIFE + 1),
                           kept=sent if sent % self.progress == 0 else w.kept)  # fmt: skip
        w = self._age(w, 1)
        w = w._replace(relay=w.relay - 1 if w.relay >= 0 else -1, link_age=min(w.link_age + 1, self.fresh_life + 1))
        if is_sending and w.lease > 0:
            w = w._replace(lease=w.lease - 1)
            w = self._end(w) if w.lease == 0 else w
        return After(w, "", tuple(broken))

    def _age(self, w: World, by: int | None) -> World:
        """Messages in flight grow older; with None their link is gone."""
        found = set()
        for kind, message in w.net:
            if isinstance(message, Grant | Batch):
                age = None if by is None or message.age is None else message.age + by
                limit = self.fresh_life if isinstance(message, Grant) else LIFE
                if age is not None and age <= limit:
                    found.add((kind, message._replace(age=age)))
            else:
                found.add((kind, message))
        return w._replace(net=frozenset(found))

    def _new_link(self, w: World) -> World:
        if Rule.LINKN not in self.rules:
            return w
        return self._age(w._replace(n=0, link_age=0), None)

    def _say(self, w: World, kind: str, message: object) -> World:
        return w if self.is_lying else w._replace(net=w.net | {(kind, message)})

    # --- what may happen

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        yield Action("five seconds pass")
        yield from (Action(what) for what in w.odd)
        for what, is_possible in (
            ("the agent boots", not w.is_up), ("the site approves again", not w.permits and w.is_up),
            ("the site resumes", w.is_paused and w.is_up), ("the clock is right again", w.is_skewed and w.is_up),
        ):  # fmt: skip
            if is_possible:
                yield Action(what)
        yield from self._lies(w) if self.is_lying else self._honest(w)

    def _lies(self, w: World) -> Iterator[Action]:
        if not w.is_up:
            return
        for jti in range(3):
            for age in {0, min(w.link_age, self.fresh_life + 1)}:
                for version in {w.version, w.version - 1}:
                    yield Action("a grant is sent", (Grant(jti, age, w.lineage, version),))
            yield Action("a grant is sent", (Grant(jti, None, w.lineage, w.version),))
            yield Action("a grant is sent", (Grant(jti, 0, w.lineage - 1, w.version),))
        for listed in (frozenset(range(3)), frozenset[int]()):
            for age in range(min(w.link_age, LIFE) + 1):
                yield Action("a batch is sent", (Batch(w.n + 1, age, listed),))
            yield Action("a batch is sent", (Batch(w.n, 0, listed),))

    def _honest(self, w: World) -> Iterator[Action]:
        if w.gateway == IDLE and w.is_up:
            yield Action("the gateway grants")
        if w.batches and w.gateway != IDLE and w.is_up:
            yield from (Action("the gateway leases", (age,)) for age in range(min(w.link_age, 1) + 1))
        for what, state in (("the deadline passes", ASKED), ("somebody revokes", OPEN), ("it is revoked", REVOKING)):
            if w.gateway == state:
                yield Action(what)
        if w.gateway == DONE and not w.account and w.state != LIVE:
            yield Action("the gateway closes its books")
        yield from (Action(f"{kind} arrives", (message,)) for kind, message in w.net)

    # --- what follows

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        what, args = action.what, action.args
        if what in w.odd:
            return self._oddity(w._replace(odd=w.odd - {what}), what)
        match what:
            case "five seconds pass":
                return self._tick(w)
            case "the agent boots" if not w.is_up:
                return self._boot(w)
            case "the site approves again" if w.is_up and not w.permits:
                return After(w._replace(permits=True, version=w.version + 1))
            case "the site resumes" if w.is_up:
                return After(w._replace(is_paused=False))
            case "the clock is right again" if w.is_up:
                return After(w._replace(is_skewed=False))
            case "a grant is sent" | "grant arrives" if w.is_up:
                return self.take_grant(w, args[0])
            case "a batch is sent" | "batch arrives" if w.is_up:
                return self.take_batch(w, args[0])
            case _:
                return self._by_gateway(w, what, args)

    def _oddity(self, w: World, what: str) -> After | None:
        match what:
            case "the agent crashes" if w.is_up:
                state = CRASHED if w.state == LIVE else w.state
                return After(self._age(w._replace(is_up=False, state=state, lease=0, since=0, n=0, link_age=0), None))
            case "the agent loses its state" if w.is_up:
                state = ENDED if w.state != NONE and not self.is_lying else NONE  # ids count per lineage
                fresh = w._replace(
                    lineage=w.lineage + 1, version=0, permits=False, is_paused=False, is_skewed=False, state=state,
                    jti=None, lease=0, since=0, used=frozenset(), has_used_session=False, n=0, link_age=0,
                )  # fmt: skip
                return After(self._age(fresh, None))
            case "the site pauses" if w.is_up:
                paused = w._replace(is_paused=True)
                return After(self._end(paused) if w.state == LIVE else paused)
            case "a narrowing forbids it" if w.is_up and w.permits:
                narrowed = w._replace(permits=False, version=w.version + 1)
                ends = w.state == LIVE and Rule.REDECIDE in self.rules
                return After(self._end(narrowed) if ends else narrowed)
            case "the clock goes back" if w.is_up:
                return After(w._replace(is_skewed=True))
            case "the link is made anew" if w.is_up:
                return After(self._new_link(w._replace(gateway_n=0 if Rule.LINKN in self.rules else w.gateway_n)))
            case "the gateway restarts" if w.is_up:
                return After(self._new_link(w._replace(gateway_n=0)))
            case "the session is ended" if w.is_up and w.state == LIVE:
                return After(self._end(w))
        return None

    def _boot(self, w: World) -> After:
        up = w._replace(is_up=True, link_age=0)
        if w.state != CRASHED:
            return After(up)
        high = w.kept + self.progress if Rule.BOUND in self.rules else w.kept
        said = self._say(up._replace(state=ENDED), "stopped", (w.kept, high))
        return After(said, f"interrupted {w.kept} to {high}", (UNACCOUNTED,) if w.sent > high else ())

    def _by_gateway(self, w: World, what: str, args: tuple[object, ...]) -> After | None:  # noqa: C901 - one table
        match what, w.gateway:
            case "the gateway grants", "idle":
                grant = Grant(0, 0, w.lineage, w.version)
                return After(w._replace(gateway=ASKED, net=w.net | {("grant", grant)}))
            case "the gateway leases", state if w.batches and state != IDLE:
                return self._leases(w, int(str(args[0])))
            case "the deadline passes", "asked":
                return After(w._replace(gateway=DONE))
            case "somebody revokes", "open":
                return After(w._replace(gateway=REVOKING, relay=-1))
            case "it is revoked", "revoking":
                return After(w._replace(gateway=DONE, net=w.net | {("end", ())}))
            case "the gateway closes its books", "done" if not w.account:
                is_silent = not w.is_known and Rule.CLOSE not in self.rules
                closed = w._replace(account=("silent" if is_silent else "incident",))
                return After(closed, "", (UNACCOUNTED,) if is_silent and w.sent else ())
            case "end arrives", _ if w.is_up and w.state == LIVE:
                return After(self._end(w))
            case "accepted arrives", _ if not w.is_known:
                opens = w.gateway == ASKED
                return After(w._replace(is_known=True, gateway=OPEN if opens else w.gateway,
                                        relay=LIFE if opens else w.relay))  # fmt: skip
            case "refused arrives", "asked":
                return After(w._replace(gateway=DONE, account=("refused",)))
            case "stopped arrives", _ if not w.account:
                low, high = args[0]  # type: ignore[misc]
                ended = w._replace(gateway=DONE, account=("stopped", low, high), relay=-1, is_known=True)
                return After(ended, "", (UNACCOUNTED,) if w.sent > int(high) else ())
        return None

    def _leases(self, w: World, age: int) -> After:
        listed = frozenset({0}) if w.gateway == OPEN else frozenset[int]()
        batch = Batch(w.gateway_n + 1, age, listed)
        after = w._replace(gateway_n=batch.n, batches=w.batches - 1, net=w.net | {("batch", batch)})
        if w.gateway == ASKED and w.state == LIVE and age < w.since:
            after = after._replace(gateway=DONE)  # a later heartbeat came and accepted did not: lost, so failed
        return After(after._replace(relay=LIFE) if listed and w.relay >= 0 else after)

    # --- what must hold

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        ready = w._replace(
            is_up=True, is_paused=False, is_skewed=False, permits=True, version=w.version + 1, net=frozenset(),
            state=NONE, used=frozenset(), has_used_session=False,
        )  # fmt: skip
        n = 0 if Rule.LINKN in self.rules else w.gateway_n
        ready = ready._replace(n=0) if Rule.LINKN in self.rules else ready
        live = self.take_grant(ready, Grant(7, 0, ready.lineage, ready.version)).state
        served = self.take_batch(live, Batch(n + 1, 0, frozenset({7})))
        if served.answer != "taken" or served.state.state != LIVE:
            yield DOWN
