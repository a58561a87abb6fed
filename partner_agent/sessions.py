"""Running sessions: each lives by its lease, within its horizon and limits, and ends with an account of what left.

A live session lives 10 s from acceptance, then 10 s from the sending of each heartbeat whose `fresh` a lease batch
echoes. It ends, for good, when the lease runs out, a batch sent after its acceptance leaves it out, the site would no
longer permit it, its seconds or the day's total are used, a promise is overdue, or anybody says so. Ending halts the
uplink first and then writes the account; nothing here waits for the gateway.
"""

import json
import math
from typing import Final

import anyio
import anyio.abc

from partner_agent.accounts import Accounts
from partner_agent.grants import Gate, Permitted
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.policy_store import PolicyStore
from partner_agent.ports import (
    HeldRange,
    Limits,
    LiveOrder,
    MediaError,
    Outbox,
    Player,
    Players,
    Publication,
    Publisher,
)
from partner_agent.proofs import Promises
from partner_agent.questions import owes_more
from partner_agent.running import Running, recorded_seconds
from partner_agent.store import Store
from partner_agent.timekeeping import FreshValues
from partner_agent.wire import canonical, leases
from partner_agent.wire.clock import Clock, to_ms, to_rfc3339
from partner_agent.wire.limits import ACCEPTED_LEASE_S, LEASE_VALID_S, PROGRESS_PERIOD_S, RECORDED_VIEW_S
from partner_agent.wire.problems import Code
from partner_agent.wire.tokens import TokenError
from policies.request import Usage
from policies.vocabulary import Act

PUBLISH_S: Final = 12.0  # camera and uplink together; the lease may end it before
DAY_MS: Final = 24 * 3600 * 1000
TICK_LIVE_S: Final = 0.25
TICK_IDLE_S: Final = 1.0


class Sessions:
    """All sessions of this site."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        identity: Identity,
        policy: PolicyStore,
        proofs: Promises,
        fresh: FreshValues,
        accounts: Accounts,
        publisher: Publisher,
        players: Players,
        outbox: Outbox,
    ) -> None:
        self._store, self._journal, self._clock, self._identity = store, journal, clock, identity
        self._policy, self._proofs, self._fresh, self._accounts = policy, proofs, fresh, accounts
        self._publisher, self._players, self._outbox = publisher, players, outbox
        self._gate: Gate | None = None
        self._tasks: anyio.abc.TaskGroup | None = None
        self._running: dict[str, Running] = {}
        self._lease_n = -1

    def decide_by(self, gate: Gate) -> None:
        """The gate that decides again; it counts our usage, so each needs the other."""
        self._gate = gate

    def bind(self, tasks: anyio.abc.TaskGroup) -> None:
        """The task group that owns uplinks; account for a crash before."""
        self._tasks = tasks
        self._account_for_crash()

    @property
    def running(self) -> tuple[Running, ...]:
        """What runs now."""
        return tuple(self._running.values())

    # --- begin

    def open(self, permitted: Permitted) -> Running:
        """Use up the grant and open its session: one transaction, then nothing can be accepted twice."""
        grant, now, moment = permitted.grant, self._clock.now(), self._clock.monotonic()
        assert self._gate is not None
        summary: dict[str, str | bool | None] = {
            "act": grant.act,
            "purpose": grant.purpose,
            "agency": grant.subject.agency,
            "unit": grant.subject.unit,
            "role": grant.subject.role,
            "who": grant.subject.ref,
            "incident": grant.incident.ref if grant.incident else None,
        }
        if permitted.limits.audio:
            summary["sound"] = True
        if grant.recorded is not None:
            summary |= {"from": grant.recorded.start, "to": grant.recorded.end}
        with self._store.transaction() as db:
            self._gate.use_up(permitted)
            self._proofs.add(permitted.promise, grant.jti)
            reserved_s = recorded_seconds(grant, permitted.clip)
            is_clip = int(reserved_s > 0)
            row = (grant.session, grant.jti, grant.camera, is_clip, _json(summary), to_ms(now), reserved_s)
            db.execute(
                "INSERT INTO session (session, jti, camera, is_clip, summary, started_ms, seconds)"
                " VALUES (?,?,?,?,?,?,?)",
                row,
            )
            self._journal.add("accepted", session=grant.session, jti=grant.jti, camera=grant.camera, **summary)
        running = Running(
            grant=grant,
            clip=permitted.clip,
            limits=permitted.limits,
            accepted=moment,
            lease_until=moment + ACCEPTED_LEASE_S,
            horizon=permitted.permit.horizon,
            progress_at=moment + PROGRESS_PERIOD_S,
        )
        self._running[grant.session] = running
        return running

    def start_live(self, running: Running) -> None:
        """Begin to publish, in a task of its own."""
        assert self._tasks is not None
        self._tasks.start_soon(self._publish, running)

    async def _publish(self, running: Running) -> None:
        grant, publish = running.grant, running.grant.publish
        assert publish is not None
        assert self._tasks is not None
        order = LiveOrder(
            session=grant.session,
            camera=grant.camera,
            url=publish.whip_url,
            ticket=publish.ticket,
            relay_fingerprint=publish.relay_fingerprint,
            limits=running.limits,
        )
        with running.scope:
            try:
                with anyio.fail_after(PUBLISH_S):
                    running.publication = await self._open(running, order, self._tasks)
            except (MediaError, TimeoutError) as error:
                code = error.code if isinstance(error, MediaError) else Code.CAMERA_UNREACHABLE
                self.end(grant.session, str(code))
                return
            except Exception as error:  # noqa: BLE001 - the supervisor of uplinks: none of them ends the agent
                self.fault(running, error)
                return
            if self._running.get(grant.session) is not running:  # it ended as its uplink opened: nobody has that one
                self._let_go(running.publication)
                return
            running.publication.show(running.lines)
            await running.publication.ended.wait()
            self._over(running, running.publication)

    def _over(self, running: Running, publication: Publication) -> None:
        """The uplink ended by itself."""
        if publication.fault is not None:
            self.fault(running, publication.fault)
        else:
            self.end(running.grant.session, str(publication.code or "source_ended"))

    async def _open(self, running: Running, order: LiveOrder, tasks: anyio.abc.TaskGroup) -> Publication:
        recorded = running.grant.recorded
        if recorded is None:
            return await self._publisher.publish(order, tasks=tasks)
        span = HeldRange(recorded.first, recorded.last)
        running.player = await self._players.play(order, span, recorded.begin, tasks=tasks)
        return running.player

    def opening(self) -> list[tuple[str, Limits]]:
        """Cameras and limits of the live views that were accepted and do not run yet."""
        return [
            (item.grant.camera, item.limits)
            for item in self._running.values()
            if item.is_live and item.grant.still is None and item.publication is None
        ]

    def show(self, session: str, lines: int) -> None:
        """Somebody sees this session's picture so many lines high; one that does not run is ignored."""
        running = self._running.get(session)
        if running is not None:
            running.lines = max(0, lines)
        if running is not None and running.publication is not None:
            running.publication.show(running.lines)

    def player(self, session: str) -> Player | None:
        """The running view of a recording of this name."""
        running = self._running.get(session)
        return running.player if running else None

    # --- live on

    def new_link(self) -> None:
        """A new link counts its leases anew; the old one's `fresh` values are gone."""
        self._lease_n = -1

    def lease(self, token: str) -> bool:
        """Take one batch; False if it is not one for this link."""
        mine = self._identity
        try:
            keys = mine.key_set.live("lease", self._clock.now())
            batch = leases.parse(token, keys, gateway=mine.gateway, agent=mine.agent)
        except TokenError:
            return False
        sent_at = self._fresh.sent_at(batch.fresh)
        if batch.n <= self._lease_n or sent_at is None or self._clock.monotonic() - sent_at > LEASE_VALID_S:
            return False
        self._lease_n = batch.n
        for session, running in list(self._running.items()):
            if running.clip is not None:
                continue
            if (session, running.grant.jti) in batch.sessions:
                running.lease_until = max(running.lease_until, sent_at + LEASE_VALID_S)
            elif sent_at > running.accepted:
                self.end(session, "lease_absent")
        return True

    def decide_again(self, reason: str) -> None:
        """End every session the site would not permit now."""
        assert self._gate is not None
        now = self._clock.now()
        for session, running in list(self._running.items()):
            permit = self._gate.decide_again(running.grant, running.clip, now)
            if permit is None or owes_more(permit, running.grant, running.limits):
                self.end(session, reason)
            else:
                running.horizon = permit.horizon

    def tick(self) -> None:
        """End what has run out, and write down how far each session is."""
        moment, now = self._clock.monotonic(), self._clock.now()
        if self._proofs.tick():
            self.end_all("promise_overdue")
        for session, running in list(self._running.items()):
            if running.clip is None and moment >= running.lease_until:
                self.end(session, "lease")
            elif running.clip is None and moment - running.accepted >= running.most_s:
                self.end(session, "time_limit")
            elif running.horizon is not None and now >= running.horizon:
                self.decide_again("horizon")
        self._end_over_total()
        self._write_progress(moment)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await self._clock.sleep(TICK_LIVE_S if self._running else TICK_IDLE_S)
            self.tick()

    def usage(self, without: str | None) -> Usage:
        """What the site has given in the last 24 hours and gives now, without the named session.

        A live view counts as long as it lasted, each rounded up. A recording counts whole from its acceptance until its
        session ends without a byte sent: two that are cut at one time never share what is left of the day. The same
        holds for a view of a recording, of which what was shown counts once it is over.
        """
        since = to_ms(self._clock.now()) - DAY_MS
        rows = self._store.rows(
            "SELECT session, is_clip, seconds FROM session WHERE ended_ms IS NULL OR ended_ms > ?", since
        )
        live = clip = 0
        for row in rows:
            if row["session"] == without:
                continue
            running = self._running.get(row["session"])
            seconds = math.ceil(running.counts.seconds) if running and running.is_live else int(row["seconds"])
            live, clip = (live, clip + seconds) if row["is_clip"] else (live + seconds, clip)
        views = sum(1 for name, item in self._running.items() if item.clip is None and name != without)
        return Usage(live_s=live, clip_s=clip, views_now=views)

    # --- end

    def end(self, session: str, reason: str) -> bool:
        """End one session now and for good; False if it is not running."""
        running = self._running.pop(session, None)
        if running is None:
            return False
        if running.publication is not None:
            running.publication.halt()
        counts, grant = running.counts, running.grant
        is_file = running.clip is not None and counts.sent_bytes
        seconds = running.footage_s if is_file else math.ceil(counts.seconds)
        claims: dict[str, object] = {
            "jti": grant.jti,
            "session": session,
            "reason": reason,
            "seconds": seconds,
            "bytes": counts.sent_bytes,
            "first_packet_at": to_rfc3339(counts.first_at) if counts.first_at else None,
            "last_packet_at": to_rfc3339(counts.last_at) if counts.last_at else None,
        }
        if grant.recorded is not None:
            watched = running.player.watched if running.player else ()
            claims["footage"] = [[to_rfc3339(one.start), to_rfc3339(one.end)] for one in watched]
        used_s = seconds if running.is_live else running.footage_s
        with self._store.transaction() as db:
            values = (to_ms(self._clock.now()), reason, used_s, counts.sent_bytes, session)
            db.execute(
                "UPDATE session SET ended_ms = ?, reason = ?, seconds = ?, sent_bytes = ? WHERE session = ?", values
            )
            message = self._accounts.say("stopped", claims)
            shown = {"footage": claims["footage"]} if "footage" in claims else {}
            told = {"session": session, "reason": reason, "seconds": seconds, "bytes": counts.sent_bytes}
            self._journal.add("stopped", **told, **shown)
        self._outbox.post(message)
        if running.publication is not None:
            self._let_go(running.publication)
        running.scope.cancel()
        return True

    def fault(self, running: Running, error: Exception) -> None:
        """End a session for what nobody foresaw."""
        self._journal.add("fault", of="session", session=running.grant.session, why=type(error).__name__)
        self.end(running.grant.session, "source_ended")

    def _let_go(self, publication: Publication) -> None:
        """Nothing leaves from this instant; the goodbye is said in the background."""
        publication.halt()
        if self._tasks is not None:
            self._tasks.start_soon(self._say_goodbye, publication)

    async def _say_goodbye(self, publication: Publication) -> None:
        try:
            await publication.stop()
        except Exception as error:  # noqa: BLE001 - its session is over; the relay notices the silence
            self._journal.add("fault", of="goodbye", why=type(error).__name__)

    def end_all(self, reason: str) -> None:
        """End everything."""
        for session in list(self._running):
            self.end(session, reason)

    def _end_over_total(self) -> None:
        in_force = self._policy.in_force
        live = [session for session, running in self._running.items() if running.is_live]
        if not live or in_force is None:
            return
        if self.usage(None).live_s >= in_force.policy.totals.live_s_per_day:
            for session in live:
                self.end(session, "totals")

    def _write_progress(self, moment: float) -> None:
        due = {name: item for name, item in self._running.items() if moment >= item.progress_at}
        if not due:
            return
        with self._store.transaction() as db:
            for session, running in due.items():
                running.progress_at = moment + PROGRESS_PERIOD_S
                counts = running.counts
                seconds = recorded_seconds(running.grant, running.clip) or math.floor(counts.seconds)
                values = (seconds, counts.sent_bytes, session)
                db.execute("UPDATE session SET seconds = ?, sent_bytes = ? WHERE session = ?", values)

    def _account_for_crash(self) -> None:
        """Sessions that were running when this agent last stopped without a word: two bounds, never silence."""
        for row in self._store.rows("SELECT * FROM session WHERE ended_ms IS NULL"):
            low, high = row["seconds"], row["seconds"] + PROGRESS_PERIOD_S + 1  # progress is rounded down, by < 1 s
            if row["is_clip"]:  # its upload may go on: it counts whole, whatever had left before
                low, high = row["seconds"] if row["sent_bytes"] else 0, row["seconds"]
            used_s = high
            if json.loads(row["summary"])["act"] == Act.RECORDED_VIEW:  # how long it ran, not how much it showed
                passed_s = (to_ms(self._clock.now()) - row["started_ms"]) // 1000 + 1
                low, high = 0, max(0, min(passed_s, RECORDED_VIEW_S))
            claims: dict[str, object] = {
                "jti": row["jti"],
                "session": row["session"],
                "seconds_min": low,
                "seconds_max": high,
                "bytes_min": row["sent_bytes"],
            }
            with self._store.transaction() as db:
                values = (to_ms(self._clock.now()), "interrupted", used_s, row["session"])
                db.execute("UPDATE session SET ended_ms = ?, reason = ?, seconds = ? WHERE session = ?", values)
                self._accounts.say("interrupted", claims)
                self._journal.add("interrupted", **claims)


def _json(value: object) -> str:
    return canonical.encode(value).decode()
